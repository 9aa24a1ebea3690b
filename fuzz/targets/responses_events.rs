#![no_main]

foundry_gateway_fuzz::target!(responses_events, "\n\n");
