# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What the operating system complains of, in words that name the file."""
import errno

WORDS = {
    errno.ENOENT: 'there is no such file or folder', errno.EEXIST: 'a file of this name is there',
    errno.ENOTDIR: 'a file stands where a folder is needed',
    errno.EISDIR: 'it is a folder, not a file', errno.ENOTEMPTY: 'the folder is not empty',
    errno.EACCES: 'it may not be read or written by you',
    errno.EPERM: 'it may not be read or written by you',
    errno.EROFS: 'nothing can be written there', errno.ENOSPC: 'the disk is full',
    errno.EDQUOT: 'your share of the disk is full', errno.ENAMETOOLONG: 'the name is too long',
    errno.EMFILE: 'too many files are open', errno.ELOOP: 'its links lead in a circle',
}


def told(error: OSError) -> str:
    """Say it as `file: what is wrong`; an error that has words of its own keeps them."""
    if error.errno is None or error.strerror is None:
        return str(error)
    names = [str(name) for name in (error.filename, error.filename2) if name is not None]
    what = WORDS.get(error.errno, error.strerror)
    return f'{" -> ".join(names)}: {what}' if names else what
