#![no_main]

foundry_gateway_fuzz::target!(threads_events, "\n\n");
