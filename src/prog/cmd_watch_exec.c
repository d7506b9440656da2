/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/cmd_watch_exec.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "objstore/digest.h"
#include "prog/cmd.h"
#include "util/io.h"
#include "util/log.h"

/* The command's input in a file without a name, so that nobody waits for anybody. */
static int make_input(const struct buf *json)
{
	_cleanup_close_ int fd = memfd_create("natsobj-change", MFD_CLOEXEC);
	int err;

	if (fd < 0)
		return -errno;
	err = write_all(fd, json->data, json->len);
	if (!err)
		err = write_all(fd, "\n", 1);
	if (!err && lseek(fd, 0, SEEK_SET) < 0)
		err = -errno;
	return err ? err : steal_fd(&fd);
}

/* This process has no use for them itself, so it sets them where the child inherits them. */
static int set_environment(const char *event, const struct obj_info *info, const char *bucket)
{
	char size[32], seq[32], digest[OBJ_DIGEST_TEXT_LEN + 1] = "";

	(void)snprintf(size, sizeof(size), "%llu", (unsigned long long)info->size);
	(void)snprintf(seq, sizeof(seq), "%llu", (unsigned long long)info->seq);
	if (info->has_digest)
		digest_format(info->digest, digest);
	if (setenv("NATSOBJ_EVENT", event, 1) || setenv("NATSOBJ_BUCKET", bucket, 1) ||
	    setenv("NATSOBJ_NAME", info->name, 1) || setenv("NATSOBJ_SIZE", size, 1) ||
	    setenv("NATSOBJ_SEQ", seq, 1) || setenv("NATSOBJ_DIGEST", digest, 1))
		return -errno;
	return 0;
}

/* The child has the signals that programs expect. */
static int spawn(const char *command, int input, pid_t *ret)
{
	char sh[] = "sh", minus_c[] = "-c";
	char *const argv[] = {sh, minus_c, (char *)(uintptr_t)command, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t set;
	int err;

	if (posix_spawn_file_actions_init(&actions))
		return -ENOMEM;
	if (posix_spawnattr_init(&attributes)) {
		(void)posix_spawn_file_actions_destroy(&actions);
		return -ENOMEM;
	}
	err = posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
	sigemptyset(&set);
	if (!err)
		err = posix_spawnattr_setsigmask(&attributes, &set);
	sigaddset(&set, SIGPIPE);
	if (!err)
		err = posix_spawnattr_setsigdefault(&attributes, &set);
	if (!err)
		err = posix_spawnattr_setflags(&attributes,
					       POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	if (!err)
		err = posix_spawn(ret, "/bin/sh", &actions, &attributes, argv, environ);
	(void)posix_spawnattr_destroy(&attributes);
	(void)posix_spawn_file_actions_destroy(&actions);
	return -err;
}

int watch_exec(const char *command, const char *event, const struct obj_info *info,
	       const char *bucket, const struct buf *json)
{
	_cleanup_close_ int input = make_input(json);
	int status = 0, err = input < 0 ? input : set_environment(event, info, bucket);
	pid_t pid;

	if (!err)
		err = spawn(command, input, &pid);
	if (err)
		return cmd_fail("cannot run a command: %s", strerror(-err));
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return cmd_fail("cannot wait for a command: %s", strerror(errno));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return CMD_OK;
	log_warn("%s %s: the command ended with %s %d", event, info->name,
		 WIFEXITED(status) ? "status" : "signal",
		 WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	return CMD_OK;
}
