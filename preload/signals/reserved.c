/* Which signals are reserved in this session. */
#include "reserved.h"

#include "preload/process/process.h"

atomic_uint signals_are_ours;

int reserved_number(int index)
{
    return index == ORDER_INDEX ? ORDER_SIGNAL : session.upgrade_signal;
}

int reserved_index(int number)
{
    if (!session.active)
        return -1;
    if (number == ORDER_SIGNAL)
        return ORDER_INDEX;
    return number == session.upgrade_signal ? UPGRADE_INDEX : -1;
}
