#include "protocol/status.h"

#include <errno.h>

const char *status_text(int status)
{
    switch (status) {
#define STATUS_CASE(name, number, text)                                                            \
    case name:                                                                                     \
        return text;
        STATUS_LIST(STATUS_CASE)
#undef STATUS_CASE
    default:
        return "unknown status";
    }
}

int status_of_errno(int error_number)
{
    switch (error_number) {
    case 0:
        return STATUS_OK;
    case ENOSPC:
    case EDQUOT:
        return STATUS_FULL;
    case EFBIG:
        return STATUS_FILE_LIMIT;
    case ENOENT:
    case ENOTDIR:
        return STATUS_NOT_FOUND;
    case EEXIST:
        return STATUS_EXISTS;
    case EACCES:
    case EPERM:
    case EROFS:
        return STATUS_PERMISSION;
    case EAGAIN:
        return STATUS_LOCKED;
    case ENOMEM:
        return STATUS_MEMORY;
    default:
        return STATUS_IO;
    }
}
