// Attributes that several tables share.
#include <arpa/inet.h>
#include <endian.h>
#include <string.h>

#include "internal.h"

uint32_t cnetlink_u32(const struct nlattr *attribute, uint32_t otherwise) {
    return attribute && nla_len(attribute) >= 4 ? nla_get_u32((struct nlattr *)attribute) : otherwise;
}

bool cnetlink_ip_get(const struct nlattr *attribute, struct cnetlink_ip *address) {
    if (!attribute) return false;
    if (nla_len(attribute) == 4) {
        uint32_t bits;
        memcpy(&bits, nla_data(attribute), sizeof bits);
        *address = (struct cnetlink_ip){.high = 0, .low = ntohl(bits)};
        return true;
    }
    if (nla_len(attribute) != 16) return false;
    uint64_t words[2];
    memcpy(words, nla_data(attribute), sizeof words);
    *address = (struct cnetlink_ip){.high = be64toh(words[0]), .low = be64toh(words[1])};
    return true;
}

int cnetlink_ip_put(struct nl_msg *message, int attribute, uint8_t family, const struct cnetlink_ip *address) {
    if (family == AF_INET) {
        uint32_t bits = htonl((uint32_t)address->low);
        return nla_put(message, attribute, sizeof bits, &bits);
    }
    uint64_t words[2] = {htobe64(address->high), htobe64(address->low)};
    return nla_put(message, attribute, sizeof words, words);
}

void cnetlink_text(const struct nlattr *attribute, char *to, size_t room) {
    memset(to, 0, room);
    if (!attribute) return;
    size_t length = (size_t)nla_len(attribute);
    if (length > room - 1) length = room - 1;
    memcpy(to, nla_data(attribute), strnlen(nla_data(attribute), length));
}
