/* Never ends by itself, and says nothing, whatever it is called with. */
#include <unistd.h>

int main(void)
{
    for (;;)
        pause();
}
