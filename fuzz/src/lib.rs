//! What the targets share: a mutator that knows blocks of text and the tokens of JSON.
//!
//! libFuzzer's own mutations break nearly every JSON text that they touch, so that most inputs would end at the first
//! syntax error. Half of the mutations here keep the syntax: they move, copy or drop whole blocks (the events of a
//! stream, the entries of a configuration), or put one token in the place of another.

use std::ops::Range;

/// Makes a target of a function of `foundry_gateway::fuzzing`; blocks of its input are told apart by `$separator`.
#[macro_export]
macro_rules! target {
    ($function:ident, $separator:expr) => {
        libfuzzer_sys::fuzz_target!(|input: &[u8]| foundry_gateway::fuzzing::$function(input));

        libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
            match $crate::mutate(&data[..size], seed, $separator) {
                Some(mutated) if mutated.len() <= max_size => {
                    data[..mutated.len()].copy_from_slice(&mutated);
                    mutated.len()
                }
                _ => libfuzzer_sys::fuzzer_mutate(data, size, max_size),
            }
        });
    };
}

/// Values that programs trip over.
const VALUES: [&str; 24] = [
    "0",
    "-1",
    "1",
    "2147483648",
    "4294967296",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "1e999",
    "0.5",
    "-0.0",
    "null",
    "true",
    "false",
    "[]",
    "{}",
    "\"\"",
    "\"\\u0000\"",
    "\"\\ud83d\\ude00\"",
    "\"\\ud800\"",
    "\"a/b,c\"",
    "\"\u{3010}4:0\u{2020}source\u{3011}\"",
    "[[]]",
];

/// A mutation that keeps the syntax; `None` where libFuzzer's own is to be used.
pub fn mutate(data: &[u8], seed: u32, separator: &str) -> Option<Vec<u8>> {
    let mut random = Random(u64::from(seed) | 1 << 40);
    match random.below(6) {
        0 => blocks(data, separator.as_bytes(), &mut random),
        1 | 2 => tokens(data, &mut random),
        _ => None,
    }
}

fn blocks(data: &[u8], separator: &[u8], random: &mut Random) -> Option<Vec<u8>> {
    let mut starts = vec![0];
    let found = data.windows(separator.len()).enumerate();
    starts.extend(
        found
            .filter(|(_, window)| *window == separator)
            .map(|(at, _)| at + separator.len()),
    );
    starts.push(data.len());
    let mut blocks: Vec<&[u8]> = starts
        .windows(2)
        .map(|pair| &data[pair[0]..pair[1]])
        .filter(|block| !block.is_empty())
        .collect();
    if blocks.len() < 2 {
        return None;
    }
    let (one, other) = (random.below(blocks.len()), random.below(blocks.len()));
    match random.below(4) {
        0 => drop(blocks.remove(one)),
        1 => blocks.swap(one, other),
        2 => blocks.insert(other, blocks[one]),
        _ => blocks.truncate(one + 1),
    }
    Some(blocks.concat())
}

fn tokens(data: &[u8], random: &mut Random) -> Option<Vec<u8>> {
    let tokens = scalars(data);
    if tokens.is_empty() {
        return None;
    }
    let place = tokens[random.below(tokens.len())].clone();
    let value = match random.below(3) {
        0 => &data[tokens[random.below(tokens.len())].clone()],
        _ => VALUES[random.below(VALUES.len())].as_bytes(),
    };
    Some([&data[..place.start], value, &data[place.end..]].concat())
}

/// Where the texts, numbers and words of JSON are.
fn scalars(data: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < data.len() {
        let start = at;
        match data[at] {
            b'"' => {
                at += 1;
                while at < data.len() && data[at] != b'"' {
                    at += if data[at] == b'\\' { 2 } else { 1 };
                }
                at += 1;
                if at <= data.len() {
                    found.push(start..at);
                }
            }
            byte if byte.is_ascii_alphanumeric() || byte == b'-' => {
                while at < data.len()
                    && (data[at].is_ascii_alphanumeric() || b"-+.".contains(&data[at]))
                {
                    at += 1;
                }
                found.push(start..at);
            }
            _ => at += 1,
        }
    }
    found
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}
