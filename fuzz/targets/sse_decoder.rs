#![no_main]

foundry_gateway_fuzz::target!(sse_decoder, "\n\n");
