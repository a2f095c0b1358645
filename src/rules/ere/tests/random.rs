//! Random patterns and texts, the same in every run.
//!
//! Knows nothing but `std`, so that the tests against musl, which see the crate
//! from outside, can ask about the same patterns.

/// Marsaglia's xorshift64 with his shifts.
pub(crate) struct Random(pub(crate) u64);

/// Bytes, sets and places that an atom can be. Three bytes are enough to
/// differ, and one of them is of no word.
const ATOMS: [&str; 24] = [
    "a", "a", "a", "a", "b", "b", "b", "-", "ab", "ba", ".", "[ab]", "[^a]", "[a-]", "\\w", "^", "$", "^",
    "$", "\\<", "\\>", "\\b", "\\B", "()",
];

/// What may follow an atom; nothing most of the time.
const QUANTIFIERS: [&str; 14] =
    ["*", "*", "*", "+", "+", "?", "?", "{2}", "{1,2}", "{0,2}", "{2,}", "{2,3}", "{0}", "*?"];

/// Atoms, groups, bars and quantifiers that a pattern has at most, and bytes
/// that a text has: with more of both, the parses of some pattern would be too
/// many to list.
const TOKENS_MAX: usize = 9;
const TEXT_BYTES_MAX: usize = 6;

impl Random {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % bound
    }

    fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from.get(self.below(from.len())).copied().unwrap_or_default()
    }

    /// A pattern without faults.
    pub(crate) fn pattern(&mut self) -> String {
        let mut pattern = String::new();
        self.either(&mut TOKENS_MAX.clone(), &mut pattern);
        pattern
    }

    pub(crate) fn text(&mut self) -> String {
        let length = self.below(TEXT_BYTES_MAX + 1);
        (0..length).map(|_| self.pick(&["a", "a", "b", "b", "-"])).collect()
    }

    fn either(&mut self, tokens: &mut usize, out: &mut String) {
        self.sequence(tokens, out);
        while self.one_in(3) && take(tokens) {
            out.push('|');
            self.sequence(tokens, out);
        }
    }

    /// Some atoms; none now and then.
    fn sequence(&mut self, tokens: &mut usize, out: &mut String) {
        if self.one_in(12) {
            return;
        }
        while take(tokens) {
            if self.one_in(2) {
                out.push('(');
                self.either(tokens, out);
                out.push(')');
            } else {
                out.push_str(self.pick(&ATOMS));
            }
            if self.one_in(2) && take(tokens) {
                out.push_str(self.pick(&QUANTIFIERS));
            }
            if self.one_in(3) {
                return;
            }
        }
    }
}

/// Takes one of `tokens`, if there is one left.
fn take(tokens: &mut usize) -> bool {
    let is_left = *tokens > 0;
    *tokens = tokens.saturating_sub(1);
    is_left
}
