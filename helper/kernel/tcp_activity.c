/* By linux/tcp.h, whose struct tcp_info has more than libc's; the two headers cannot be one file's.
 */
#include "tcp_activity.h"

#include <linux/tcp.h>
#include <stddef.h>
#include <string.h>

#include "helper/base/clock.h"

/*
 * A bare acknowledgement that is newer than the peer's last data is for what we have sent after
 * that: what we had sent before was acknowledged with it. Nothing else tells within one tick; but
 * who has never been answered still waits for that.
 */
static void understand(const struct tcp_info *info, struct tcp_activity *activity)
{
    uint32_t sent = info->tcpi_last_data_sent;
    uint32_t received = info->tcpi_last_data_recv;
    bool silent = info->tcpi_data_segs_out == 0 && info->tcpi_bytes_received > 0;

    if (info->tcpi_notsent_bytes < activity->unsent)
        activity->unsent = info->tcpi_notsent_bytes;
    activity->quiet = (sent < received ? sent : received) * MILLISECOND;
    activity->answered = !silent && (sent < received || info->tcpi_last_ack_recv < received);
    activity->asked = silent || (!activity->answered && received < sent);
}

void read_tcp_info(const void *data, size_t size, struct tcp_activity *activity)
{
    /* older kernels do not count these */
    struct tcp_info info = {.tcpi_data_segs_out = 1, .tcpi_notsent_bytes = UINT32_MAX};

    if (size < offsetof(struct tcp_info, tcpi_last_ack_recv) + sizeof info.tcpi_last_ack_recv)
        return;
    memcpy(&info, data, size < sizeof info ? size : sizeof info);
    understand(&info, activity);
}
