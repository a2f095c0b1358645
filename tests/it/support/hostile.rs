//! Datagrams that nobody would send in good faith, the same ones for the same seed.
//!
//! Four kinds in turn: lines of the corpus with something done to them, pieces
//! of the three formats in any order, bytes without sense, and extremes (empty,
//! NULs, huge).

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/routeros_lines.txt");

/// What readers of the formats look for.
const PIECES: &[&[u8]] = &[
    b"CEF:0|",
    b"|",
    b"\\|",
    b"=",
    b"\\=",
    b"\\\\",
    b"\\",
    b" msg=",
    b" dvchost=",
    b"system,error,critical ",
    b"system,info,account ",
    b"container,info,debug ",
    b"<27>",
    b"<191>",
    b"<192>",
    b"<",
    b"Oct  2 17:36:35 ",
    b"2025-11-22T21:24:35.265-0500 ",
    b"MikroTik ",
    b"login failure for user ",
    b"user admin logged in",
    b" from ",
    b" via ssh",
    b"router was rebooted without proper shutdown",
    b"unicast key exchange timeout",
    b"@",
    b": ",
    b", ",
    b"{",
    b"\"",
    b"\0",
    b"\r\n",
    b"\xea\xff",
    b"\xe2\x80\xae",
    b"~0123456789",
];

/// An endless stream of them.
pub(crate) struct Hostile {
    chance: u64,
    count: usize,
    lines: Vec<Vec<u8>>,
}

impl Hostile {
    pub(crate) fn new(seed: u64) -> Hostile {
        let corpus = std::fs::read(CORPUS).unwrap();
        let lines = corpus.split(|byte| *byte == b'\n').filter(|line| !line.starts_with(b"# "));
        Hostile { chance: seed, count: 0, lines: lines.map(<[u8]>::to_vec).collect() }
    }

    /// A number below `end`: SplitMix64, which any seed sets going.
    fn below(&mut self, end: usize) -> usize {
        self.chance = self.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.chance;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end as u64) as usize
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.below(256) as u8).collect()
    }

    fn line(&mut self) -> Vec<u8> {
        let index = self.below(self.lines.len());
        self.lines[index].clone()
    }

    /// A line of the corpus with up to three things done to it.
    fn mutated(&mut self) -> Vec<u8> {
        let mut line = self.line();
        for _ in 0..=self.below(3) {
            let at = self.below(line.len() + 1);
            match self.below(6) {
                0 => line.truncate(at),
                1 => drop(line.drain(..at)),
                2 => {
                    let piece = PIECES[self.below(PIECES.len())];
                    line.splice(at..at, piece.iter().copied());
                }
                3 => {
                    let other = self.line();
                    line.splice(at.., other);
                }
                4 => {
                    let count = self.below(8);
                    let noise = self.bytes(count);
                    line.splice(at..at, noise);
                }
                _ => {
                    let byte = self.below(256) as u8;
                    line.iter_mut().skip(at).take(1).for_each(|old| *old = byte);
                }
            }
        }
        line
    }

    fn pieced(&mut self) -> Vec<u8> {
        (0..self.below(24)).flat_map(|_| PIECES[self.below(PIECES.len())].iter().copied()).collect()
    }

    fn extreme(&mut self) -> Vec<u8> {
        let long = match self.below(100) {
            // The longest that UDP carries over IPv4.
            0 => 65_507,
            1 => 4_097,
            _ => 400,
        };
        match self.below(4) {
            0 => Vec::new(),
            1 => vec![0; self.below(long + 1)],
            2 => self.mutated().repeat(long / 100).into_iter().take(long).collect(),
            _ => b"=\\|@".repeat(long).into_iter().take(long).collect(),
        }
    }
}

impl Iterator for Hostile {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        self.count += 1;
        Some(match self.count % 4 {
            0 => self.extreme(),
            1 => self.mutated(),
            2 => self.pieced(),
            _ => {
                let count = self.below(120);
                self.bytes(count)
            }
        })
    }
}

mod tests {
    use super::*;

    #[test]
    fn a_seed_tells_all() {
        let some = |seed| Hostile::new(seed).take(4_000).collect::<Vec<_>>();
        assert_eq!(some(1), some(1));
        assert_ne!(some(1), some(2));
        assert!(some(1).iter().any(Vec::is_empty) && some(1).iter().any(|one| one.len() == 65_507));
    }
}
