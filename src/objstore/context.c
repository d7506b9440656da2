/* SPDX-License-Identifier: Apache-2.0 */
#include "objstore/context.h"

#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cjson/cJSON.h>

#include "util/explain.h"
#include "util/log.h"

#define FILE_MAX (256 * 1024)

void nats_context_done(struct nats_context *c)
{
	char *const all[] = {c->url, c->user, c->password, c->token,  c->creds,	      c->nkey,
			     c->ca,  c->cert, c->key,	   c->domain, c->inbox_prefix};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		wipe_and_free(all[i]);
	*c = (struct nats_context){0};
}

static const char *home_dir(void)
{
	const char *home = getenv("HOME");
	const struct passwd *pw;

	if (home && *home)
		return home;
	pw = getpwuid(getuid());
	return pw ? pw->pw_dir : "";
}

/* A file below the directory of the NATS command line; the caller frees. */
static char *config_path(const char *before, const char *name, const char *after)
{
	const char *xdg = getenv("XDG_CONFIG_HOME");
	char *path = NULL;
	int n;

	if (xdg && *xdg)
		n = asprintf(&path, "%s/nats/%s%s%s", xdg, before, name, after);
	else
		n = asprintf(&path, "%s/.config/nats/%s%s%s", home_dir(), before, name, after);
	return n < 0 ? NULL : path;
}

/* The whole file, with a NUL behind it. */
static int read_text(const char *path, char **ret, size_t *ret_len, mode_t *ret_mode)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char *text;
	size_t len = 0;
	struct stat st;
	ssize_t n = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	*ret_mode = st.st_mode;
	text = calloc(1, FILE_MAX + 1);
	if (!text)
		return -ENOMEM;
	while (len < FILE_MAX) {
		n = read(fd, text + len, FILE_MAX - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	if (n < 0 || len == FILE_MAX) {
		int err = n < 0 ? -errno : -EFBIG;

		explicit_bzero(text, len);
		free(text);
		return err;
	}
	*ret = text;
	*ret_len = len;
	return 0;
}

static const char *text_of(const cJSON *json, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, key);

	return cJSON_IsString(item) && *item->valuestring ? item->valuestring : NULL;
}

static int copy_text(const cJSON *json, const char *key, char **ret)
{
	const char *s = text_of(json, key);

	*ret = s ? strdup(s) : NULL;
	return s && !*ret ? -ENOMEM : 0;
}

static int copy_path(const cJSON *json, const char *key, char **ret)
{
	const char *s = text_of(json, key);

	if (!s || strncmp(s, "~/", 2) != 0)
		return copy_text(json, key, ret);
	if (asprintf(ret, "%s%s", home_dir(), s + 1) < 0) {
		*ret = NULL;
		return -ENOMEM;
	}
	return 0;
}

/* "$JS.<domain>.API" is another way to name a domain. */
static int take_api_prefix(const cJSON *json, const char *name, struct nats_context *c,
			   char **ret_why)
{
	const char *prefix = text_of(json, "jetstream_api_prefix");
	size_t len;

	if (!prefix || strcmp(prefix, "$JS.API") == 0)
		return 0;
	len = strlen(prefix);
	if (len <= strlen("$JS..API") || strncmp(prefix, "$JS.", 4) != 0 ||
	    strcmp(prefix + len - 4, ".API") != 0 || c->domain)
		return explain(-EINVAL, ret_why,
			       "context %s has a JetStream API prefix that names no domain, which "
			       "natsobj cannot use",
			       name);
	c->domain = strndup(prefix + 4, len - 8);
	return c->domain ? 0 : -ENOMEM;
}

static int take_members(const cJSON *json, const char *name, struct nats_context *c, char **ret_why)
{
	static const char *const unknown[] = {"socks_proxy", "nsc", "user_jwt", "user_seed"};
	int err = 0;

	for (size_t i = 0; i < ARRAY_LEN(unknown); i++)
		if (text_of(json, unknown[i]))
			return explain(-EINVAL, ret_why,
				       "context %s uses \"%s\", which natsobj cannot do", name,
				       unknown[i]);
	if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "tls_first")))
		return explain(-EINVAL, ret_why,
			       "context %s uses \"tls_first\", which natsobj cannot do", name);
	err |= copy_text(json, "url", &c->url);
	err |= copy_text(json, "user", &c->user);
	err |= copy_text(json, "password", &c->password);
	err |= copy_text(json, "token", &c->token);
	err |= copy_path(json, "creds", &c->creds);
	err |= copy_path(json, "nkey", &c->nkey);
	err |= copy_path(json, "ca", &c->ca);
	err |= copy_path(json, "cert", &c->cert);
	err |= copy_path(json, "key", &c->key);
	err |= copy_text(json, "jetstream_domain", &c->domain);
	err |= copy_text(json, "inbox_prefix", &c->inbox_prefix);
	return err ? -ENOMEM : take_api_prefix(json, name, c, ret_why);
}

static int load_file(const char *path, const char *name, struct nats_context *ret, char **ret_why)
{
	char *text = NULL;
	size_t len = 0;
	mode_t mode = 0;
	cJSON *json;
	int err = read_text(path, &text, &len, &mode);

	if (err == -ENOENT)
		return explain(-EINVAL, ret_why, "there is no context \"%s\": %s does not exist",
			       name, path);
	if (err)
		return explain(-EINVAL, ret_why, "cannot read context \"%s\" from %s: %s", name,
			       path, strerrordesc_np(-err));
	json = cJSON_ParseWithLength(text, len);
	explicit_bzero(text, len);
	free(text);
	if (!cJSON_IsObject(json)) {
		cJSON_Delete(json);
		return explain(-EINVAL, ret_why, "context \"%s\": %s is not a JSON object", name,
			       path);
	}
	err = take_members(json, name, ret, ret_why);
	cJSON_Delete(json);
	/* Other tools use the file as it is, so this one does not insist. */
	if (!err && (ret->password || ret->token) && (mode & (S_IRWXG | S_IRWXO)))
		log_warn("context \"%s\" holds a secret that others than its owner can read: "
			 "chmod 600 %s",
			 name, path);
	return err;
}

int nats_context_load(const char *name, struct nats_context *ret, char **ret_why)
{
	_cleanup_free_ char *path =
		strchr(name, '/') ? strdup(name) : config_path("context/", name, ".json");
	int err;

	*ret = (struct nats_context){0};
	*ret_why = NULL;
	if (!path)
		return -ENOMEM;
	err = load_file(path, name, ret, ret_why);
	if (err)
		nats_context_done(ret);
	return err;
}

char *nats_context_selected(void)
{
	_cleanup_free_ char *path = config_path("", "context.txt", "");
	char *text = NULL;
	size_t len = 0;
	mode_t mode;

	if (!path || read_text(path, &text, &len, &mode) < 0)
		return NULL;
	text[strcspn(text, "\r\n")] = '\0';
	if (*text)
		return text;
	free(text);
	return NULL;
}
