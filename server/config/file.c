/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/config/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/config/config.h"

/* Opens the file and sees that it is one that can be read to its end. */
static int open_file(const char *path, struct err *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        const char *todo = errno == ENOENT   ? "name the configuration with -c FILE"
                           : errno == EACCES ? "let the user that runs this read it"
                                             : "name a text file with -c FILE";
        return err_errno(err, path, todo, "", errno);
    }
    const char *wrong = fstat(fd, &st)        ? "cannot be looked at"
                        : S_ISDIR(st.st_mode) ? "is a directory"
                        : S_ISREG(st.st_mode) ? NULL
                        : S_ISCHR(st.st_mode) ? NULL /* /dev/null, /dev/stdin */
                                              : "is not a file";
    if (wrong) {
        close(fd);
        return err_set(err, path, "name a text file with -c FILE", "%s", wrong);
    }
    return fd;
}

/* Reads all of the file, at most CONFIG_FILE_MAX bytes. Number of bytes, or -1. */
static ssize_t read_file(int fd, const char *path, char *text, struct err *err)
{
    size_t n = 0;
    while (n <= CONFIG_FILE_MAX) {
        ssize_t got = read(fd, text + n, CONFIG_FILE_MAX + 1 - n);
        if (got == 0)
            return (ssize_t)n;
        if (got < 0 && errno != EINTR)
            return err_errno(err, path, "name a text file with -c FILE", "cannot be read", errno);
        n += got > 0 ? (size_t)got : 0;
    }
    return err_set(err, path, "is this a text file?", "is larger than %d bytes", CONFIG_FILE_MAX);
}

int config_file_read(struct config_file *file, struct err *err)
{
    struct stat st;
    /* opening a device can do things; only the person who starts us may name one */
    if (file->from && !stat(file->path, &st) && (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)))
        return err_set(err, file->path, "name a text file", "is a device");
    int fd = open_file(file->path, err);
    if (fd < 0)
        return -1;
    file->known = !fstat(fd, &st);
    file->device = file->known ? st.st_dev : 0;
    file->inode = file->known ? st.st_ino : 0;
    file->text = malloc((size_t)CONFIG_FILE_MAX + 1);
    ssize_t size = file->text ? read_file(fd, file->path, file->text, err)
                              : err_set(err, file->path, "", "out of memory");
    close(fd);
    if (size < 0) {
        config_file_free(file);
        return -1;
    }
    file->size = (size_t)size;
    return 0;
}

void config_file_free(struct config_file *file)
{
    free(file->text);
    file->text = NULL;
}
