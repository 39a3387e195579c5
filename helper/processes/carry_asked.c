/* Nobody is to be told twice: the second SIGTERM ends many a server at once. */
#include "carry_asked.h"

#include "helper/base/carry.h"
#include "helper/base/memory.h"
#include "orders.h"

enum { MOST_CARRIED = 1 << 22 };

static void carry_one(struct carrier *carrier, struct asked *asked)
{
    struct carried_number numbers[] = {
        {asked->pid, 1, INT32_MAX},
        {asked->answered, 0, 1},
        {asked->order, 0, 15},
        {asked->since, 0, INT64_MAX},
        {asked->when, 0, INT64_MAX},
        {asked->next_part, 0, INT64_MAX},
        {asked->repeated, 0, INT32_MAX - 1},
    };

    carry_row(carrier, "told", numbers, sizeof numbers / sizeof *numbers);
    *asked = (struct asked){.pid = (pid_t)numbers[0].value,
                            .answered = numbers[1].value != 0,
                            .order = (enum order)numbers[2].value,
                            .since = numbers[3].value,
                            .when = numbers[4].value,
                            .next_part = numbers[5].value,
                            .repeated = (int)numbers[6].value};
}

void carry_asked(struct carrier *carrier, struct asked_list *list)
{
    size_t count = carry_count(carrier, "told-ones", list->count, MOST_CARRIED);

    if (is_reading(carrier))
        forget_asked(list);
    for (size_t i = 0; i < count && !has_fault(carrier); i++) {
        struct asked asked = {0};

        if (!is_reading(carrier))
            asked = list->item[i];
        carry_one(carrier, &asked);
        if (is_reading(carrier) && was_asked(list, asked.pid))
            refuse_carried(carrier, "process %d has been told twice", asked.pid);
        if (!is_reading(carrier) || has_fault(carrier))
            continue;
        list->item = grow(list->item, list->count + 1, sizeof *list->item);
        add_position(&list->index, asked.pid, list->count);
        list->item[list->count++] = asked;
    }
}
