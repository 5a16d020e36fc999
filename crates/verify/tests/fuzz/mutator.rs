//! Changes to inputs, the same in every run.

use signhere_testkit::der::Tlv;

/// Makes inputs from a corpus.
pub(crate) struct Mutator<'a> {
    corpus: &'a [(String, Vec<u8>)],
    tokens: &'a [&'a str],
    state: u64,
}

/// Bytes at which readers of numbers and texts turn.
const BYTES: [u8; 12] = [
    0, 1, 0x20, 0x22, 0x30, 0x5c, 0x7f, 0x80, 0x81, 0x84, 0xa0, 0xff,
];
/// The longest input that is made.
const MAX_LEN: usize = 64 << 10;

impl<'a> Mutator<'a> {
    pub(crate) fn new(corpus: &'a [(String, Vec<u8>)], tokens: &'a [&'a str]) -> Self {
        Self {
            corpus,
            tokens,
            state: 0x9e37_79b9_7f4a_7c15,
        }
    }

    /// The next input.
    pub(crate) fn input(&mut self) -> Vec<u8> {
        let mut input = self.seed().to_vec();
        for _ in 0..=self.below(4) {
            match self.below(3) {
                0 => self.change_der(&mut input),
                _ => self.change_bytes(&mut input),
            }
            input.truncate(MAX_LEN);
        }
        input
    }

    fn seed(&mut self) -> &'a [u8] {
        let at = self.below(self.corpus.len());
        &self.corpus[at].1
    }

    fn change_bytes(&mut self, input: &mut Vec<u8>) {
        if input.is_empty() {
            return input.push(0x30);
        }
        let (at, other) = (self.below(input.len()), self.below(input.len()));
        let (start, end) = (at.min(other), at.max(other));
        match self.below(9) {
            0 => input[at] ^= 1 << self.below(8),
            1 => input[at] = BYTES[self.below(BYTES.len())],
            2 => drop(input.drain(start..end.min(start + 64))),
            3 => {
                let again = input[start..end.min(start + 256)].to_vec();
                input.splice(at..at, again);
            }
            4 => input.truncate(at),
            5 if !self.tokens.is_empty() => {
                let token = self.tokens[self.below(self.tokens.len())];
                input.splice(at..at, token.bytes());
            }
            6 => {
                let seed = self.seed();
                let from = self.below(seed.len().max(1));
                input.truncate(at);
                input.extend_from_slice(seed.get(from..).unwrap_or_default());
            }
            7 => input[start..end].reverse(),
            _ => input.insert(at, BYTES[other % BYTES.len()]),
        }
    }

    /// Changes a value inside DER, the lengths around it made to fit; in other input, some bytes.
    fn change_der(&mut self, input: &mut Vec<u8>) {
        let Some(mut tree) = Tlv::parse(input) else {
            return self.change_bytes(input);
        };
        let count = tree.count();
        let (at, other) = (self.below(count), self.below(count));
        match self.below(5) {
            0 => {
                let copy = tree.nth(other).clone();
                *tree.nth(at) = copy;
            }
            1 => tree.nth(at).tag ^= 1 << self.below(8),
            2 => tree.nth(at).children_mut(|children| drop(children.pop())),
            3 => tree.nth(at).children_mut(|children| {
                if let Some(first) = children.first().cloned() {
                    children.push(first);
                }
            }),
            _ => {
                let mut content = tree.nth(at).content();
                self.change_bytes(&mut content);
                tree.nth(at).set_content(content);
            }
        }
        *input = tree.to_der();
    }

    fn below(&mut self, end: usize) -> usize {
        // xorshift64*
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        let number = self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).unwrap() % end
    }
}
