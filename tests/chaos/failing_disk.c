/* A disk that fails, as a library to preload: for every file whose path holds $FAILING_PATH, what
 * the first byte of the file $FAILING_CONTROL says is what happens.
 *
 *   f  full: nothing can be written (ENOSPC)
 *   r  read-only: nothing can be opened for writing, or written (EROFS)
 *   s  what was written cannot be made to last: fsync and fdatasync fail (EIO)
 *
 * Anything else: all is well.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

static volatile char *control;
static const char *wanted;

__attribute__((constructor)) static void begin(void) {
    const char *name = getenv("FAILING_CONTROL");
    wanted = getenv("FAILING_PATH");
    int fd = name ? open(name, O_RDONLY) : -1;
    if (fd < 0 || !wanted)
        return;
    void *at = mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, 0);
    control = at == MAP_FAILED ? NULL : at;
}

/* Whether one of these troubles is on, for the file of that path. */
static int struck(const char *path, const char *troubles) {
    return control && *control && strchr(troubles, *control) && strstr(path, wanted);
}

static int struck_at(int fd, const char *troubles) {
    char link[64], path[4096];
    if (!control || !*control || !strchr(troubles, *control))
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    return strstr(path, wanted) != NULL;
}

static int unwritable(void) {
    errno = *control == 'r' ? EROFS : ENOSPC;
    return -1;
}

static int broken(void) {
    errno = EIO;
    return -1;
}

#define REAL(type, name, ...) ((type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *data, size_t size) {
    return struck_at(fd, "fr") ? unwritable() : REAL(ssize_t, write, int, const void *, size_t)(fd, data, size);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
    return struck_at(fd, "fr") ? unwritable() : REAL(ssize_t, pwrite, int, const void *, size_t, off_t)(fd, data, size, at);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
    return struck_at(fd, "fr") ? unwritable() : REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t)(fd, data, size, at);
}

int ftruncate(int fd, off_t size) {
    return struck_at(fd, "r") ? unwritable() : REAL(int, ftruncate, int, off_t)(fd, size);
}

int ftruncate64(int fd, off64_t size) {
    return struck_at(fd, "r") ? unwritable() : REAL(int, ftruncate64, int, off64_t)(fd, size);
}

int fsync(int fd) {
    return struck_at(fd, "s") ? broken() : REAL(int, fsync, int)(fd);
}

int fdatasync(int fd) {
    return struck_at(fd, "s") ? broken() : REAL(int, fdatasync, int)(fd);
}

#define OPEN(name)                                                                  \
    int name(const char *path, int flags, ...) {                                    \
        va_list more;                                                               \
        va_start(more, flags);                                                      \
        mode_t mode = va_arg(more, mode_t);                                         \
        va_end(more);                                                               \
        if ((flags & O_ACCMODE) != O_RDONLY && struck(path, "r"))                   \
            return unwritable();                                                    \
        return REAL(int, name, const char *, int, ...)(path, flags, mode);          \
    }

OPEN(open)
OPEN(open64)
