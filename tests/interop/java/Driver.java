// SPDX-License-Identifier: Apache-2.0

import io.nats.client.Connection;
import io.nats.client.Nats;
import io.nats.client.ObjectStore;
import io.nats.client.Options;
import io.nats.client.api.ObjectInfo;
import io.nats.client.api.ObjectMeta;
import io.nats.client.api.ObjectStoreWatchOption;
import io.nats.client.api.ObjectStoreWatcher;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.FileInputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Driver for jnats; see README.md. */
public final class Driver {
    /** Returns less than it is asked for, as a pipe does. */
    private static final class Pieces extends FilterInputStream {
        Pieces(InputStream in) {
            super(in);
        }

        @Override
        public int read(byte[] b, int off, int len) throws IOException {
            return super.read(b, off, Math.min(len, 50000));
        }
    }

    private final ObjectStore store;
    private final List<String> seen = Collections.synchronizedList(new ArrayList<>());

    private Driver(ObjectStore store) {
        this.store = store;
    }

    private static String quote(String s) {
        StringBuilder out = new StringBuilder("\"");
        for (char c : s.toCharArray()) {
            out.append(c == '"' || c == '\\' || c < ' ' ? String.format("\\u%04x", (int) c) : "" + c);
        }
        return out.append('"').toString();
    }

    private ObjectInfo find(String name) throws Exception {
        ObjectInfo info = store.getInfo(name);
        if (info == null) {
            throw new IOException("not found");
        }
        return info;
    }

    private String run(String[] w) throws Exception {
        switch (w[0]) {
            case "put":
            case "pipe":
                try (InputStream in = new FileInputStream(w[2])) {
                    store.put(w[1], w[0].equals("pipe") ? new Pieces(in) : in);
                }
                return "ok";
            case "get":
                ByteArrayOutputStream out = new ByteArrayOutputStream();
                store.get(w[1], out);
                Files.write(Path.of(w[2]), out.toByteArray());
                return "ok";
            case "info":
                ObjectInfo info = find(w[1]);
                return "ok {\"size\":" + info.getSize() + ",\"chunks\":" + info.getChunks()
                    + ",\"description\":" + quote(String.valueOf(info.getDescription())) + "}";
            case "list":
                List<String> names = new ArrayList<>();
                for (ObjectInfo each : store.getList()) {
                    names.add(quote(each.getObjectName()));
                }
                return "ok " + names;
            case "delete":
                store.delete(w[1]);
                return "ok";
            case "rename":
                store.updateMeta(w[1], ObjectMeta.objectName(w[2]));
                return "ok";
            case "describe":
                store.updateMeta(w[1], ObjectMeta.builder(w[1]).description(w[2]).build());
                return "ok";
            case "link":
                store.addLink(w[1], find(w[2]));
                return "ok";
            case "watch":
                store.watch(new ObjectStoreWatcher() {
                    @Override
                    public void watch(ObjectInfo each) {
                        seen.add("[" + quote(each.getObjectName()) + "," + each.isDeleted() + "]");
                    }

                    @Override
                    public void endOfData() {
                    }
                }, ObjectStoreWatchOption.UPDATES_ONLY);
                return "ok";
            case "seen":
                synchronized (seen) {
                    return "ok " + seen;
                }
            default:
                return "error no such command";
        }
    }

    public static void main(String[] args) throws Exception {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        Options options = Options.builder().server(args[0]).noReconnect().build();
        try (Connection nc = Nats.connect(options)) {
            Driver driver = new Driver(nc.objectStore(args[1]));
            BufferedReader in =
                new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
            for (String line; (line = in.readLine()) != null; ) {
                String answer;
                try {
                    answer = driver.run(line.split("\t"));
                } catch (Exception e) {
                    answer = ("error " + e).replace('\n', ' ');
                }
                out.println(answer);
            }
        }
    }
}
