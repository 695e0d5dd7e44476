#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| chancery_fuzz::watch::cloudtrail(octets));
