// SPDX-License-Identifier: Apache-2.0
//! Driver for async-nats; see README.md.
use std::{env, pin::Pin, sync::Arc, task, time::Duration};

use async_nats::jetstream::{self, object_store::ObjectStore};
use futures_util::StreamExt;
use serde_json::{json, Value};
use tokio::{
    fs::File,
    io::{stdin, AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader, ReadBuf},
    sync::Mutex,
    time::timeout,
};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Returns less than it is asked for, as a pipe does.
struct Pieces(File);

impl AsyncRead for Pieces {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut task::Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> task::Poll<std::io::Result<()>> {
        let mut some = buf.take(50_000);
        let before = some.filled().len();
        let result = Pin::new(&mut self.0).poll_read(cx, &mut some);
        let n = some.filled().len() - before;
        // SAFETY: `some` is the beginning of what `buf` has unfilled, and n bytes of it were filled.
        unsafe { buf.assume_init(n) };
        buf.advance(n);
        result
    }
}

struct Client {
    store: ObjectStore,
    seen: Arc<Mutex<Vec<Value>>>,
}

impl Client {
    async fn names(&self) -> Result<Vec<String>, Failure> {
        let mut names = Vec::new();
        let mut list = self.store.list().await?;
        while let Some(i) = list.next().await {
            names.push(i?.name);
        }
        Ok(names)
    }

    async fn run(&self, w: &[&str]) -> Result<Value, Failure> {
        match w[0] {
            "put" => {
                self.store.put(w[1], &mut File::open(w[2]).await?).await?;
            }
            "pipe" => {
                self.store.put(w[1], &mut Pieces(File::open(w[2]).await?)).await?;
            }
            "get" => {
                let mut data = Vec::new();
                self.store.get(w[1]).await?.read_to_end(&mut data).await?;
                tokio::fs::write(w[2], data).await?;
            }
            "info" => {
                let i = self.store.info(w[1]).await?;
                if i.deleted {
                    return Err("not found".into());
                }
                return Ok(json!({"size": i.size, "chunks": i.chunks, "description": i.description}));
            }
            // It waits for as many messages as there were, for ever when one is removed meanwhile.
            "list" => {
                for _ in 0..5 {
                    if let Ok(names) = timeout(Duration::from_secs(10), self.names()).await {
                        return Ok(json!(names?));
                    }
                }
                return Err("the list did not end".into());
            }
            "delete" => self.store.delete(w[1]).await?,
            "rename" | "describe" => {
                let mut meta = jetstream::object_store::UpdateMetadata {
                    name: w[1].to_string(),
                    ..Default::default()
                };
                if w[0] == "rename" {
                    meta.name = w[2].to_string();
                } else {
                    meta.description = Some(w[2].to_string());
                }
                self.store.update_metadata(w[1], meta).await?;
            }
            "link" => {
                let info = self.store.get(w[2]).await?.info;
                self.store.add_link(w[1], &info).await?;
            }
            "watch" => {
                let mut watch = self.store.watch().await?;
                let seen = self.seen.clone();
                tokio::spawn(async move {
                    while let Some(Ok(i)) = watch.next().await {
                        seen.lock().await.push(json!([i.name, i.deleted]));
                    }
                });
            }
            "seen" => return Ok(json!(*self.seen.lock().await)),
            _ => return Err("no such command".into()),
        }
        Ok(Value::Null)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let args: Vec<String> = env::args().collect();
    let nc = async_nats::connect(&args[1]).await?;
    let store = jetstream::new(nc).get_object_store(&args[2]).await?;
    let client = Client { store, seen: Default::default() };
    let mut lines = BufReader::new(stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let words: Vec<&str> = line.split('\t').collect();
        match timeout(Duration::from_secs(60), client.run(&words)).await {
            Ok(Ok(Value::Null)) => println!("ok"),
            Ok(Ok(value)) => println!("ok {value}"),
            Ok(Err(e)) => println!("error {}", e.to_string().replace('\n', " ")),
            Err(_) => println!("error no end within a minute"),
        }
    }
    Ok(())
}
