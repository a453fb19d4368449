#pragma once

namespace tunesmith {

/** From now on SIGTERM, SIGINT and SIGHUP only set what `stop_signalled` tells; a second one ends the process. SIGPIPE and
    SIGXFSZ become errors of the calls that cause them. */
void catch_stop_signals();
bool stop_signalled();

}  // namespace tunesmith
