// Traffic control: the clsact qdisc, and u32 filters whose action is a redirect.
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <netlink/route/act/mirred.h>
#include <netlink/route/action.h>
#include <netlink/route/classifier.h>
#include <netlink/route/cls/u32.h>
#include <netlink/route/tc.h>
#include <string.h>

#include "internal.h"

#define INGRESS TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)
#define EGRESS TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)

typedef void (*each_qdisc)(void *, const struct cnetlink_qdisc *);
typedef void (*each_filter)(void *, const struct cnetlink_filter *);

static void qdisc_entry(struct cnetlink *connection, const struct nlmsghdr *message) {
    struct nlattr *table[TCA_MAX + 1];
    if (message->nlmsg_type != RTM_NEWQDISC) return;
    if (nlmsg_parse((struct nlmsghdr *)message, sizeof(struct tcmsg), table, TCA_MAX, NULL) < 0) return;
    const struct tcmsg *header = nlmsg_data(message);
    struct cnetlink_qdisc qdisc = {.link = (uint32_t)header->tcm_ifindex};
    cnetlink_text(table[TCA_KIND], qdisc.kind, sizeof qdisc.kind);
    ((each_qdisc)connection->each)(connection->context, &qdisc);
}

int cnetlink_qdiscs(struct cnetlink *connection, each_qdisc each, void *context) {
    struct tcmsg header = {.tcm_family = AF_UNSPEC};
    return cnetlink_dump(connection, cnetlink_request(RTM_GETQDISC, NLM_F_DUMP, &header, sizeof header), qdisc_entry,
                         (void (*)(void))each, context);
}

static void read_selector(const struct nlattr *attribute, struct cnetlink_filter *filter) {
    struct tc_u32_sel selector;
    if (nla_len(attribute) < (int)sizeof selector) return;
    memcpy(&selector, nla_data(attribute), sizeof selector);
    int count = (nla_len(attribute) - (int)sizeof selector) / (int)sizeof(struct tc_u32_key);
    if (count > selector.nkeys) count = selector.nkeys;
    filter->is_rule = true;
    filter->is_terminal = selector.flags & TC_U32_TERMINAL;
    filter->key_count = (uint8_t)count;
    for (int i = 0; i < count && i < CNETLINK_KEYS; i++) {
        struct tc_u32_key key;
        memcpy(&key, (const char *)nla_data(attribute) + sizeof selector + (size_t)i * sizeof key, sizeof key);
        filter->keys[i] = (struct cnetlink_key){ntohl(key.val), ntohl(key.mask), key.off};
    }
}

static void read_actions(struct nlattr *attribute, struct cnetlink_filter *filter) {
    struct nlattr *action;
    int left;
    nla_for_each_nested(action, attribute, left) {
        struct nlattr *table[TCA_ACT_MAX + 1], *options[TCA_MIRRED_MAX + 1];
        filter->action_count++;
        if (nla_parse_nested(table, TCA_ACT_MAX, action, NULL) < 0) continue;
        char kind[16];
        cnetlink_text(table[TCA_ACT_KIND], kind, sizeof kind);
        if (strcmp(kind, "mirred") != 0 || !table[TCA_ACT_OPTIONS]) continue;
        if (nla_parse_nested(options, TCA_MIRRED_MAX, table[TCA_ACT_OPTIONS], NULL) < 0) continue;
        struct nlattr *parameters = options[TCA_MIRRED_PARMS];
        struct tc_mirred mirred;
        if (!parameters || nla_len(parameters) < (int)sizeof mirred) continue;
        memcpy(&mirred, nla_data(parameters), sizeof mirred);
        filter->redirects = mirred.eaction == TCA_EGRESS_REDIR;
        filter->target = mirred.ifindex;
    }
    if (filter->action_count != 1) filter->redirects = false;
}

static void filter_entry(struct cnetlink *connection, const struct nlmsghdr *message) {
    struct nlattr *table[TCA_MAX + 1];
    if (message->nlmsg_type != RTM_NEWTFILTER) return;
    if (nlmsg_parse((struct nlmsghdr *)message, sizeof(struct tcmsg), table, TCA_MAX, NULL) < 0) return;
    const struct tcmsg *header = nlmsg_data(message);
    struct cnetlink_filter filter = {
        .link = (uint32_t)header->tcm_ifindex,
        .handle = header->tcm_handle,
        .preference = (uint16_t)(header->tcm_info >> 16),
        .ether_type = ntohs((uint16_t)header->tcm_info),
    };
    char kind[16];
    cnetlink_text(table[TCA_KIND], kind, sizeof kind);
    filter.is_u32 = strcmp(kind, "u32") == 0;
    struct nlattr *options[TCA_U32_MAX + 1];
    if (filter.is_u32 && table[TCA_OPTIONS]
        && nla_parse_nested(options, TCA_U32_MAX, table[TCA_OPTIONS], NULL) >= 0) {
        filter.class_id = cnetlink_u32(options[TCA_U32_CLASSID], 0);
        if (options[TCA_U32_SEL]) read_selector(options[TCA_U32_SEL], &filter);
        if (options[TCA_U32_ACT]) read_actions(options[TCA_U32_ACT], &filter);
    } else if (!filter.is_u32) {
        filter.is_rule = true;
    }
    ((each_filter)connection->each)(connection->context, &filter);
}

int cnetlink_filters(struct cnetlink *connection, uint32_t link, bool egress, each_filter each, void *context) {
    struct tcmsg header = {
        .tcm_family = AF_UNSPEC,
        .tcm_ifindex = (int)link,
        .tcm_parent = egress ? EGRESS : INGRESS,
    };
    return cnetlink_dump(connection, cnetlink_request(RTM_GETTFILTER, NLM_F_DUMP, &header, sizeof header),
                         filter_entry, (void (*)(void))each, context);
}

int cnetlink_change_clsact(struct cnetlink *connection, bool add, uint32_t link) {
    struct tcmsg header = {
        .tcm_family = AF_UNSPEC,
        .tcm_ifindex = (int)link,
        .tcm_parent = TC_H_CLSACT,
        .tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0),
    };
    int type = add ? RTM_NEWQDISC : RTM_DELQDISC, flags = add ? NLM_F_CREATE | NLM_F_EXCL : 0;
    struct nl_msg *message = cnetlink_request(type, flags, &header, sizeof header);
    if (message && nla_put_string(message, TCA_KIND, "clsact") < 0) {
        nlmsg_free(message);
        message = NULL;
    }
    return cnetlink_transact(connection, message);
}

static int redirect_to(struct rtnl_cls *rule, uint32_t link) {
    struct rtnl_act *action = rtnl_act_alloc();
    if (!action) return -NLE_NOMEM;
    int code = rtnl_tc_set_kind(TC_CAST(action), "mirred");
    if (code >= 0) code = rtnl_mirred_set_action(action, TCA_EGRESS_REDIR);
    if (code >= 0) code = rtnl_mirred_set_policy(action, TC_ACT_STOLEN);
    if (code >= 0) code = rtnl_mirred_set_ifindex(action, link);
    if (code >= 0) code = rtnl_u32_add_action(rule, action);
    rtnl_act_put(action);
    return code;
}

int cnetlink_add_filter(struct cnetlink *connection, const struct cnetlink_filter *filter) {
    struct rtnl_cls *rule = rtnl_cls_alloc();
    if (!rule) return cnetlink_transact(connection, NULL);
    rtnl_tc_set_ifindex(TC_CAST(rule), (int)filter->link);
    rtnl_tc_set_parent(TC_CAST(rule), INGRESS);
    int code = rtnl_tc_set_kind(TC_CAST(rule), "u32");
    rtnl_cls_set_prio(rule, filter->preference);
    rtnl_cls_set_protocol(rule, filter->ether_type);
    for (int i = 0; code >= 0 && i < filter->key_count && i < CNETLINK_KEYS; i++) {
        const struct cnetlink_key *key = &filter->keys[i];
        code = rtnl_u32_add_key(rule, htonl(key->value), htonl(key->mask), key->offset, 0);
    }
    if (code >= 0 && filter->class_id) code = rtnl_u32_set_classid(rule, filter->class_id);
    if (code >= 0 && filter->redirects) code = redirect_to(rule, filter->target);
    if (code >= 0) code = rtnl_u32_set_cls_terminal(rule);
    struct nl_msg *message = NULL;
    if (code >= 0) rtnl_cls_build_add_request(rule, NLM_F_CREATE, &message);
    rtnl_cls_put(rule);
    return cnetlink_transact(connection, message);
}

int cnetlink_delete_filter(struct cnetlink *connection, const struct cnetlink_filter *filter) {
    struct tcmsg header = {
        .tcm_family = AF_UNSPEC,
        .tcm_ifindex = (int)filter->link,
        .tcm_parent = INGRESS,
        .tcm_handle = filter->handle,
        .tcm_info = TC_H_MAKE((uint32_t)filter->preference << 16, htons(filter->ether_type)),
    };
    struct nl_msg *message = cnetlink_request(RTM_DELTFILTER, 0, &header, sizeof header);
    if (message && nla_put_string(message, TCA_KIND, "u32") < 0) {
        nlmsg_free(message);
        message = NULL;
    }
    return cnetlink_transact(connection, message);
}
