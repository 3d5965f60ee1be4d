/* A preload library that makes the disk misbehave under chosen paths; see faultshim.py for its settings.
 *
 * It wraps what changes files: open for writing, write, fsync, ftruncate, rename, unlink, mkdir. Everything is asked
 * from the environment once per process, a forked child asks again. Only glibc on Linux.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static atomic_int owner;
static atomic_long counted, spent;
static const char *globs, *kinds, *journal, *only_while;
static long fail_at, fail_times, budget, slow_ms;
static int fail_error;

static long number(const char *name, long otherwise) {
  const char *text = getenv(name);
  return text && *text ? atol(text) : otherwise;
}

static void read_settings(void) {
  if (atomic_load(&owner) == getpid()) return;
  globs = getenv("FAULTSHIM_PATHS");
  kinds = getenv("FAULTSHIM_KINDS");
  journal = getenv("FAULTSHIM_JOURNAL");
  only_while = getenv("FAULTSHIM_WHILE");
  fail_at = number("FAULTSHIM_AT", 0);
  fail_times = number("FAULTSHIM_TIMES", 1);
  fail_error = (int)number("FAULTSHIM_ERROR", EIO);
  budget = number("FAULTSHIM_BUDGET", -1);
  slow_ms = number("FAULTSHIM_SLOW_SYNC", 0);
  atomic_store(&counted, 0);
  atomic_store(&spent, 0);
  atomic_store(&owner, getpid());
}

/* Whether one of the words, parted by `:`, matches. */
static int any(const char *words, const char *text, int is_glob) {
  char word[PATH_MAX];
  while (words && *words) {
    size_t length = strcspn(words, ":");
    if (length && length < sizeof word) {
      memcpy(word, words, length);
      word[length] = 0;
      if (is_glob ? !fnmatch(word, text, 0) : !strcmp(word, text)) return 1;
    }
    words += length + (words[length] == ':');
  }
  return 0;
}

static void note(long at, const char *kind, const char *path) {
  char line[PATH_MAX + 64];
  if (!journal) return;
  int length = snprintf(line, sizeof line, "%ld %s %s\n", at, kind, path);
  int file = (int)syscall(SYS_openat, AT_FDCWD, journal, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) return;
  syscall(SYS_write, file, line, (size_t)length);
  syscall(SYS_close, file);
}

static int is_watched(const char *path) {
  read_settings();
  return globs && path && any(globs, path, 1);
}

/* Count an operation on a watched path; return the error with which it shall fail, 0 for none. */
static int verdict(const char *kind, const char *path) {
  int saved = errno;
  if (!is_watched(path) || (kinds && *kinds && !any(kinds, kind, 0))) return errno = saved, 0;
  if (only_while && syscall(SYS_faccessat, AT_FDCWD, only_while, F_OK)) return errno = saved, 0;
  long at = atomic_fetch_add(&counted, 1) + 1;
  note(at, kind, path);
  if (slow_ms && !strcmp(kind, "sync")) {
    struct timespec rest = {slow_ms / 1000, slow_ms % 1000 * 1000000};
    nanosleep(&rest, NULL);
  }
  errno = saved;
  if (!fail_at || at < fail_at || (fail_times && at >= fail_at + fail_times)) return 0;
  if (!fail_error) kill(getpid(), SIGKILL);
  return fail_error;
}

static const char *path_of(int file, char *into) {
  char link[64];
  int saved = errno;
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, into, PATH_MAX - 1);
  into[length < 0 ? 0 : length] = 0;
  errno = saved;
  return into;
}

static const char *path_at(int folder, const char *name, char *into) {
  char base[PATH_MAX];
  if (!name || name[0] == '/') return name;
  if (folder == AT_FDCWD) {
    if (!getcwd(base, sizeof base)) return name;
  } else {
    path_of(folder, base);
  }
  return snprintf(into, PATH_MAX, "%s/%s", base, name) < PATH_MAX ? into : name;
}

/* How many bytes of a write still fit into the budget; a full disk takes the part that fits. */
static size_t fitting(int file, size_t size) {
  char path[PATH_MAX];
  read_settings();
  if (budget < 0 || !is_watched(path_of(file, path))) return size;
  if (only_while && syscall(SYS_faccessat, AT_FDCWD, only_while, F_OK)) return size;
  long before = atomic_fetch_add(&spent, (long)size), left = budget - before;
  if (left >= (long)size) return size;
  return left > 0 ? (size_t)left : 0;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define REFUSE(kind, path)                    \
  do {                                        \
    int refused = verdict(kind, path);        \
    if (refused) return errno = refused, -1;  \
  } while (0)
#define FULL(file, size)                             \
  do {                                               \
    size_t room = fitting(file, size);               \
    if (size && !room) return errno = ENOSPC, -1;    \
    size = room;                                     \
  } while (0)

#define OPEN(name)                                                                        \
  int name(const char *path, int flags, ...) {                                            \
    char full[PATH_MAX];                                                                  \
    va_list rest;                                                                         \
    va_start(rest, flags);                                                                \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;               \
    va_end(rest);                                                                         \
    if (flags & (O_WRONLY | O_RDWR | O_CREAT)) REFUSE("open", path_at(AT_FDCWD, path, full)); \
    return REAL(name)(path, flags, mode);                                                 \
  }
#define OPENAT(name)                                                                      \
  int name(int folder, const char *path, int flags, ...) {                                \
    char full[PATH_MAX];                                                                  \
    va_list rest;                                                                         \
    va_start(rest, flags);                                                                \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;               \
    va_end(rest);                                                                         \
    if (flags & (O_WRONLY | O_RDWR | O_CREAT)) REFUSE("open", path_at(folder, path, full)); \
    return REAL(name)(folder, path, flags, mode);                                         \
  }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

ssize_t write(int file, const void *bytes, size_t size) {
  char path[PATH_MAX];
  REFUSE("write", path_of(file, path));
  FULL(file, size);
  return REAL(write)(file, bytes, size);
}

ssize_t writev(int file, const struct iovec *parts, int count) {
  char path[PATH_MAX];
  REFUSE("write", path_of(file, path));
  return REAL(writev)(file, parts, count);
}

ssize_t pwrite(int file, const void *bytes, size_t size, off_t offset) {
  char path[PATH_MAX];
  REFUSE("write", path_of(file, path));
  FULL(file, size);
  return REAL(pwrite)(file, bytes, size, offset);
}

ssize_t pwrite64(int file, const void *bytes, size_t size, off64_t offset) {
  char path[PATH_MAX];
  REFUSE("write", path_of(file, path));
  FULL(file, size);
  return REAL(pwrite64)(file, bytes, size, offset);
}

int fsync(int file) {
  char path[PATH_MAX];
  REFUSE("sync", path_of(file, path));
  return REAL(fsync)(file);
}

int fdatasync(int file) {
  char path[PATH_MAX];
  REFUSE("sync", path_of(file, path));
  return REAL(fdatasync)(file);
}

int ftruncate(int file, off_t size) {
  char path[PATH_MAX];
  REFUSE("truncate", path_of(file, path));
  return REAL(ftruncate)(file, size);
}

int ftruncate64(int file, off64_t size) {
  char path[PATH_MAX];
  REFUSE("truncate", path_of(file, path));
  return REAL(ftruncate64)(file, size);
}

int rename(const char *from, const char *to) {
  char full[PATH_MAX];
  REFUSE("rename", path_at(AT_FDCWD, to, full));
  return REAL(rename)(from, to);
}

int renameat(int from_folder, const char *from, int to_folder, const char *to) {
  char full[PATH_MAX];
  REFUSE("rename", path_at(to_folder, to, full));
  return REAL(renameat)(from_folder, from, to_folder, to);
}

int unlink(const char *path) {
  char full[PATH_MAX];
  REFUSE("unlink", path_at(AT_FDCWD, path, full));
  return REAL(unlink)(path);
}

int mkdir(const char *path, mode_t mode) {
  char full[PATH_MAX];
  REFUSE("mkdir", path_at(AT_FDCWD, path, full));
  return REAL(mkdir)(path, mode);
}
