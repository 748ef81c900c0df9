/* Fails, cuts or kills at the n-th change of the disk under a folder, and records every change.
 *
 * Preloaded (LD_PRELOAD) into a process and its children. Python, DuckDB, Arrow and the Rust of Delta and Polars all
 * change files through libc, so that the functions below see each write, sync, rename, link, unlink, created file,
 * made folder and truncation, of any thread. What they do is told by a file that all processes map: `struct control`,
 * which tests/faults/shim.py fills in. Calls elsewhere than under `control.prefix` pass untouched.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { WRITE, SYNC, RENAME, LINK, UNLINK, CREATE, MKDIR, TRUNCATE, KINDS };
enum action { NOTHING, FAIL, CUT, FULL, GONE, KILL, CUT_KILL };

struct control {
    int64_t armed;
    int64_t count[KINDS];
    int64_t kind, n, action, error; /* at the n-th of this kind do this */
    int64_t fired, cut_said;
    int64_t skip_sync; /* count syncs, but do not wait for a disk */
    char prefix[1024];
    char trace[1024]; /* file that records go to, or empty */
};

static struct control *control;

#define NEXT(name) ((__typeof__(&name))next(#name))
static void *next(const char *name) { return dlsym(RTLD_NEXT, name); }

__attribute__((constructor)) static void start(void) {
    const char *path = getenv("SIGNVERSE_FAULTS");
    if (!path) return;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
    if (fd < 0) return;
    void *at = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at != MAP_FAILED) control = at;
    syscall(SYS_close, fd);
}

static int inside(const char *path) {
    size_t size = strlen(control->prefix);
    return size && !strncmp(path, control->prefix, size) && (!path[size] || path[size] == '/');
}

/* The path of an open file; false where it is none under the prefix. */
static int of_fd(int fd, char *path) {
    if (!control || !control->armed) return 0;
    char name[64];
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(name, path, PATH_MAX - 1);
    if (size <= 0) return 0;
    path[size] = 0;
    return inside(path);
}

/* The absolute path of a name, its folder without links; false where it is not under the prefix. */
static int of_name(int folder, const char *name, char *path) {
    if (!control || !control->armed || !name || strlen(name) >= PATH_MAX / 2) return 0;
    char joined[PATH_MAX + PATH_MAX / 2 + 2];
    if (name[0] == '/') {
        strcpy(joined, name);
    } else {
        char base[PATH_MAX];
        if (folder == AT_FDCWD) {
            if (!getcwd(base, sizeof base)) return 0;
        } else {
            char link[64];
            snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
            ssize_t size = readlink(link, base, PATH_MAX - 1);
            if (size <= 0) return 0;
            base[size] = 0;
        }
        snprintf(joined, sizeof joined, "%s/%s", base, name);
    }
    size_t size = strlen(joined);
    while (size > 1 && joined[size - 1] == '/') joined[--size] = 0;
    char *last = strrchr(joined, '/');
    if (!last || last == joined) return 0;
    *last = 0;
    if (!realpath(joined, path) || strlen(path) + strlen(last + 1) + 2 > PATH_MAX) return 0;
    strcat(path, "/");
    strcat(path, last + 1);
    return inside(path);
}

static void die(void) {
    kill(0, SIGKILL); /* every process of the command: it was started as a group of its own */
    for (;;) pause();
}

/* Counts an operation. 0: do it; 1: it fails, errno is set; 2: do half of it; 3: do half of it and die. */
static int decide(enum kind kind) {
    int64_t n = __atomic_add_fetch(&control->count[kind], 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&control->fired, __ATOMIC_SEQ_CST)) {
        /* A write that was cut returns how much it wrote; the error comes with the next one. */
        if (control->action == CUT && kind == WRITE && !__atomic_exchange_n(&control->cut_said, 1, __ATOMIC_SEQ_CST)) {
            errno = (int)control->error;
            return 1;
        }
        int takes_space = kind == WRITE || kind == CREATE || kind == MKDIR || kind == LINK;
        if (control->action == GONE || (control->action == FULL && takes_space)) {
            errno = (int)control->error;
            return 1;
        }
        return 0;
    }
    if (control->action == NOTHING || control->kind != (int64_t)kind || control->n != n) return 0;
    __atomic_store_n(&control->fired, 1, __ATOMIC_SEQ_CST);
    if (control->action == KILL) die();
    if (kind == WRITE && (control->action == CUT || control->action == FULL)) return 2;
    if (kind == WRITE && control->action == CUT_KILL) return 3;
    if (control->action == CUT_KILL) die();
    errno = (int)control->error;
    return 1;
}

/* Appends a record: sizes, kind, offset, then both paths and the bytes. */
static void record(enum kind kind, const char *one, const char *two, int64_t offset, const void *data, size_t size) {
    if (!control->trace[0]) return;
    int kept = errno;
    struct { int64_t kind, offset, one, two, data; } head = {
        kind, offset, (int64_t)strlen(one), two ? (int64_t)strlen(two) : 0, (int64_t)size};
    struct iovec parts[4] = {{&head, sizeof head}, {(void *)one, (size_t)head.one}, {(void *)two, (size_t)head.two},
                             {(void *)data, size}};
    int fd = (int)syscall(SYS_openat, AT_FDCWD, control->trace, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0) {
        syscall(SYS_writev, fd, parts, 4);
        syscall(SYS_close, fd);
    }
    errno = kept;
}

/* Records what was written, as the file has it now. */
static void record_written(const char *path, int fd, int64_t end, ssize_t size) {
    if (size <= 0 || !control->trace[0]) return;
    int kept = errno;
    if (end < 0) end = lseek(fd, 0, SEEK_CUR);
    char name[64];
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    int again = (int)syscall(SYS_openat, AT_FDCWD, name, O_RDONLY | O_CLOEXEC, 0);
    char *data = malloc((size_t)size);
    if (again >= 0 && data && syscall(SYS_pread64, again, data, size, end - size) == size)
        record(WRITE, path, NULL, end - size, data, (size_t)size);
    free(data);
    if (again >= 0) syscall(SYS_close, again);
    errno = kept;
}

/* Runs a call that writes `bytes`; `whole` does it, `half` does half of it. */
#define WRITING(fd, bytes, end, whole, half)                       \
    char path[PATH_MAX];                                           \
    if (!of_fd(fd, path)) return whole;                            \
    int what = (bytes) > 0 ? decide(WRITE) : 0;                    \
    if (what == 1) return -1;                                      \
    ssize_t done = what ? half : whole;                            \
    int64_t last = (end);                                          \
    record_written(path, fd, last < 0 ? -1 : last + done, done);   \
    if (what == 3) die();                                          \
    return done

ssize_t write(int fd, const void *data, size_t size) {
    WRITING(fd, size, -1, NEXT(write)(fd, data, size), NEXT(write)(fd, data, size / 2));
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
    WRITING(fd, size, at, NEXT(pwrite)(fd, data, size, at), NEXT(pwrite)(fd, data, size / 2, at));
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) { return pwrite(fd, data, size, at); }
static size_t total(const struct iovec *parts, int count) {
    size_t sum = 0;
    for (int i = 0; i < count; i++) sum += parts[i].iov_len;
    return sum;
}
static ssize_t half_of(int fd, const struct iovec *parts, int count) {
    size_t left = total(parts, count) / 2;
    ssize_t done = 0;
    for (int i = 0; i < count && left; i++) {
        size_t size = parts[i].iov_len < left ? parts[i].iov_len : left;
        ssize_t wrote = NEXT(write)(fd, parts[i].iov_base, size);
        if (wrote < 0) break;
        done += wrote;
        left -= size;
    }
    return done;
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
    WRITING(fd, total(parts, count), -1, NEXT(writev)(fd, parts, count), half_of(fd, parts, count));
}
ssize_t copy_file_range(int in, off64_t *in_at, int fd, off64_t *at, size_t size, unsigned flags) {
    WRITING(fd, size, at ? *at : -1, NEXT(copy_file_range)(in, in_at, fd, at, size, flags),
            NEXT(copy_file_range)(in, in_at, fd, at, size / 2, flags));
}
ssize_t sendfile(int fd, int in, off_t *at, size_t size) {
    WRITING(fd, size, -1, NEXT(sendfile)(fd, in, at, size), NEXT(sendfile)(fd, in, at, size / 2));
}
ssize_t sendfile64(int fd, int in, off64_t *at, size_t size) { return sendfile(fd, in, at, size); }

/* Runs a call that changes one name or file; `known` fills in `path`. */
#define CHANGING(kind, known, offset, call)                        \
    char path[PATH_MAX];                                           \
    if (!(known)) return call;                                     \
    if (decide(kind)) return -1;                                   \
    int done = call;                                               \
    if (done >= 0) record(kind, path, NULL, offset, NULL, 0);      \
    return done

static int sync_of(int fd, const char *name) {
    if (control && control->skip_sync && control->armed) return 0;
    return ((int (*)(int))next(name))(fd);
}
int fsync(int fd) { CHANGING(SYNC, of_fd(fd, path), 0, sync_of(fd, "fsync")); }
int fdatasync(int fd) { CHANGING(SYNC, of_fd(fd, path), 0, sync_of(fd, "fdatasync")); }
int syncfs(int fd) { CHANGING(SYNC, of_fd(fd, path), -1, sync_of(fd, "syncfs")); }
int ftruncate(int fd, off_t size) { CHANGING(TRUNCATE, of_fd(fd, path), size, NEXT(ftruncate)(fd, size)); }
int ftruncate64(int fd, off64_t size) { return ftruncate(fd, size); }
int truncate(const char *name, off_t size) {
    CHANGING(TRUNCATE, of_name(AT_FDCWD, name, path), size, NEXT(truncate)(name, size));
}
int unlink(const char *name) { CHANGING(UNLINK, of_name(AT_FDCWD, name, path), 0, NEXT(unlink)(name)); }
int unlinkat(int in, const char *name, int flags) {
    CHANGING(UNLINK, of_name(in, name, path), 0, NEXT(unlinkat)(in, name, flags));
}
int rmdir(const char *name) { CHANGING(UNLINK, of_name(AT_FDCWD, name, path), 0, NEXT(rmdir)(name)); }
int mkdir(const char *name, mode_t mode) { CHANGING(MKDIR, of_name(AT_FDCWD, name, path), 0, NEXT(mkdir)(name, mode)); }
int mkdirat(int in, const char *name, mode_t mode) {
    CHANGING(MKDIR, of_name(in, name, path), 0, NEXT(mkdirat)(in, name, mode));
}

/* Runs a call that gives a file another name. */
#define NAMING(kind, in, from, at, to, call)                       \
    char one[PATH_MAX], two[PATH_MAX];                             \
    if (!of_name(at, to, two)) return call;                        \
    if (!of_name(in, from, one)) one[0] = 0;                       \
    if (decide(kind)) return -1;                                   \
    int done = call;                                               \
    if (done == 0) record(kind, one, two, 0, NULL, 0);             \
    return done

int rename(const char *from, const char *to) { NAMING(RENAME, AT_FDCWD, from, AT_FDCWD, to, NEXT(rename)(from, to)); }
int renameat(int in, const char *from, int at, const char *to) {
    NAMING(RENAME, in, from, at, to, NEXT(renameat)(in, from, at, to));
}
int renameat2(int in, const char *from, int at, const char *to, unsigned flags) {
    NAMING(RENAME, in, from, at, to, NEXT(renameat2)(in, from, at, to, flags));
}
int link(const char *from, const char *to) { NAMING(LINK, AT_FDCWD, from, AT_FDCWD, to, NEXT(link)(from, to)); }
int linkat(int in, const char *from, int at, const char *to, int flags) {
    NAMING(LINK, in, from, at, to, NEXT(linkat)(in, from, at, to, flags));
}

/* Opening a file to create it or to cut it to nothing. */
static int opening(int in, const char *name, int flags, mode_t mode) {
    int (*real)(int, const char *, int, ...) = (int (*)(int, const char *, int, ...))next("openat");
    char path[PATH_MAX];
    if (!(flags & (O_CREAT | O_TRUNC)) || !of_name(in, name, path)) return real(in, name, flags, mode);
    int there = !access(path, F_OK);
    if (there && !(flags & O_TRUNC)) return real(in, name, flags, mode);
    enum kind kind = there ? TRUNCATE : CREATE;
    if (decide(kind)) return -1;
    int fd = real(in, name, flags, mode);
    if (fd >= 0) record(kind, path, NULL, 0, NULL, 0);
    return fd;
}
#define MODE                                                       \
    mode_t mode = 0;                                               \
    if (flags & (O_CREAT | O_TMPFILE)) {                           \
        va_list rest;                                              \
        va_start(rest, flags);                                     \
        mode = va_arg(rest, mode_t);                               \
        va_end(rest);                                              \
    }
int open(const char *name, int flags, ...) { MODE return opening(AT_FDCWD, name, flags, mode); }
int open64(const char *name, int flags, ...) { MODE return opening(AT_FDCWD, name, flags | O_LARGEFILE, mode); }
int openat(int in, const char *name, int flags, ...) { MODE return opening(in, name, flags, mode); }
int openat64(int in, const char *name, int flags, ...) { MODE return opening(in, name, flags | O_LARGEFILE, mode); }
int creat(const char *name, mode_t mode) { return opening(AT_FDCWD, name, O_CREAT | O_WRONLY | O_TRUNC, mode); }
