// The connection: requests, acknowledgements, dumps, and the words for what went wrong.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "internal.h"

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

static void say(struct cnetlink *connection, const char *words) {
    snprintf(connection->reason, sizeof connection->reason, "%s", words);
}

// Keeps the number and, when the kernel gave one, its sentence (extended acknowledgement).
static void keep_error(struct cnetlink *connection, int number, const struct nlmsghdr *header, size_t offset) {
    connection->error = number;
    say(connection, strerror(-number));
    if (!(header->nlmsg_flags & NLM_F_ACK_TLVS) || header->nlmsg_len < NLMSG_HDRLEN + offset) return;
    const struct nlattr *attribute = (const void *)((const char *)header + NLMSG_HDRLEN + offset);
    int left = (int)(header->nlmsg_len - NLMSG_HDRLEN - offset);
    for (; nla_ok(attribute, left); attribute = nla_next(attribute, &left)) {
        if (nla_type(attribute) != NLMSGERR_ATTR_MSG) continue;
        char words[160];
        cnetlink_text(attribute, words, sizeof words);
        snprintf(connection->reason, sizeof connection->reason, "%s: %s", strerror(-number), words);
    }
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *error, void *context) {
    (void)from;
    const struct nlmsghdr *header = (const void *)((const char *)error - NLMSG_HDRLEN);
    size_t offset = sizeof *error;
    if (!(header->nlmsg_flags & NLM_F_CAPPED)) offset += error->msg.nlmsg_len - NLMSG_HDRLEN;
    keep_error(context, error->error, header, NLMSG_ALIGN(offset));
    return NL_STOP;
}

// A dump that fails says so in the payload of its last message.
static int on_finish(struct nl_msg *message, void *context) {
    const struct nlmsghdr *header = nlmsg_hdr(message);
    if (nlmsg_datalen(header) >= (int)sizeof(int)) {
        int number;
        memcpy(&number, nlmsg_data(header), sizeof number);
        if (number < 0) keep_error(context, number, header, sizeof number);
    }
    return NL_STOP;
}

static int on_valid(struct nl_msg *message, void *context) {
    struct cnetlink *connection = context;
    if (connection->entry) connection->entry(connection, nlmsg_hdr(message));
    return NL_OK;
}

int cnetlink_open(struct cnetlink **opened) {
    struct cnetlink *connection = calloc(1, sizeof *connection);
    if (!connection) return -ENOMEM;
    connection->socket = nl_socket_alloc();
    if (!connection->socket) {
        free(connection);
        return -ENOMEM;
    }
    errno = 0;
    if (nl_connect(connection->socket, NETLINK_ROUTE) < 0) {
        int number = errno ? errno : EPROTO;
        cnetlink_close(connection);
        return -number;
    }
    // All three are comforts: a kernel without them answers with fewer words or longer lists.
    int descriptor = nl_socket_get_fd(connection->socket), on = 1;
    setsockopt(descriptor, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
    setsockopt(descriptor, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
    setsockopt(descriptor, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
    nl_socket_set_buffer_size(connection->socket, 1 << 20, 0);
    nl_socket_modify_err_cb(connection->socket, NL_CB_CUSTOM, on_error, connection);
    nl_socket_modify_cb(connection->socket, NL_CB_FINISH, NL_CB_CUSTOM, on_finish, connection);
    nl_socket_modify_cb(connection->socket, NL_CB_VALID, NL_CB_CUSTOM, on_valid, connection);
    *opened = connection;
    return 0;
}

void cnetlink_close(struct cnetlink *connection) {
    if (!connection) return;
    nl_socket_free(connection->socket);
    free(connection);
}

const char *cnetlink_reason(const struct cnetlink *connection) { return connection->reason; }

// What a call into libnl came to, as one number.
static int outcome(struct cnetlink *connection, int code) {
    if (connection->error) return connection->error;
    if (code >= 0) return 0;
    if (code == -NLE_DUMP_INTR) {
        say(connection, "the table changed while it was read");
        return -EAGAIN;
    }
    say(connection, nl_geterror(code));
    return code == -NLE_NOMEM ? -ENOMEM : code == -NLE_PERM ? -EPERM : -EPROTO;
}

int cnetlink_transact(struct cnetlink *connection, struct nl_msg *message) {
    return cnetlink_ask(connection, message, NULL, NULL, NULL);
}

int cnetlink_ask(struct cnetlink *connection, struct nl_msg *message,
                 void (*entry)(struct cnetlink *, const struct nlmsghdr *), void (*each)(void), void *context) {
    if (!message) {
        say(connection, strerror(ENOMEM));
        return -ENOMEM;
    }
    connection->error = 0;
    connection->entry = entry;
    connection->each = each;
    connection->context = context;
    int code = nl_send_auto(connection->socket, message);
    nlmsg_free(message);
    // The answer is a message of its own, before the acknowledgement; an error stands for both.
    if (code >= 0 && entry) code = nl_recvmsgs_default(connection->socket);
    if (code >= 0 && !connection->error) code = nl_wait_for_ack(connection->socket);
    connection->entry = NULL;
    return outcome(connection, code);
}

int cnetlink_dump(struct cnetlink *connection, struct nl_msg *message,
                  void (*entry)(struct cnetlink *, const struct nlmsghdr *), void (*each)(void), void *context) {
    if (!message) {
        say(connection, strerror(ENOMEM));
        return -ENOMEM;
    }
    connection->error = 0;
    connection->entry = entry;
    connection->each = each;
    connection->context = context;
    int code = nl_send_auto(connection->socket, message);
    nlmsg_free(message);
    if (code >= 0) code = nl_recvmsgs_default(connection->socket);
    connection->entry = NULL;
    return outcome(connection, code);
}

struct nl_msg *cnetlink_request(int type, int flags, const void *header, size_t length) {
    struct nl_msg *message = nlmsg_alloc_simple(type, flags);
    if (message && nlmsg_append(message, (void *)header, length, NLMSG_ALIGNTO) < 0) {
        nlmsg_free(message);
        return NULL;
    }
    return message;
}
