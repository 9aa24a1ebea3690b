#![no_main]

foundry_gateway_fuzz::target!(chat_request, ",");
