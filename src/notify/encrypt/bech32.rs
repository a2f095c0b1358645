//! Bech32 (BIP 173): how a key is written so that a typing error shows.
//!
//! ```text
//!   age 1 zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equ nujwj…
//!   prefix │ five bits a character                              checksum, six characters
//!          the last 1 separates them: there is none in the alphabet
//! ```
//!
//! Apart, because it knows nothing of keys. Without BIP 173's limit of 90 characters, as age's
//! specification says (age-encryption.org/v1); in lower case only, as the `age` tool has it.

/// The character for each value of five bits.
const ALPHABET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// Characters of the checksum.
const CHECKSUM_CHARS: usize = 6;

/// What the checksum's polynomial is made of.
const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];

/// The prefix and the bytes that `text` stands for; None if a character of it is wrong.
pub(super) fn decode(text: &str) -> Option<(&str, Vec<u8>)> {
    let (prefix, rest) = text.rsplit_once('1')?;
    let is_plain = |b: u8| b.is_ascii_graphic() && !b.is_ascii_uppercase();
    if prefix.is_empty() || !prefix.bytes().all(is_plain) {
        return None;
    }
    let value_of = |b: u8| ALPHABET.iter().position(|c| *c == b).and_then(|at| u8::try_from(at).ok());
    let values: Vec<u8> = rest.bytes().map(value_of).collect::<Option<_>>()?;
    let (data, _) = values.split_at_checked(values.len().checked_sub(CHECKSUM_CHARS)?)?;
    let high = prefix.bytes().map(|b| b >> 5);
    let low = prefix.bytes().map(|b| b & 31);
    if remainder(high.chain([0]).chain(low).chain(values.iter().copied())) != 1 {
        return None;
    }
    let mut bytes = Vec::with_capacity(data.len() * 5 / 8);
    let (mut bits, mut count) = (0_u32, 0);
    for value in data {
        bits = bits << 5 | u32::from(*value);
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xff) as u8);
            bits &= (1 << count) - 1;
        }
    }
    // What is left over fills the last character with zeros, and is less than one.
    (count < 5 && bits == 0).then_some((prefix, bytes))
}

fn remainder(values: impl Iterator<Item = u8>) -> u32 {
    values.fold(1, |sum, value| {
        let shifted = (sum & 0x1ff_ffff) << 5 ^ u32::from(value);
        let taken = GENERATOR.iter().enumerate().filter(|(bit, _)| sum >> (25 + bit) & 1 == 1);
        taken.fold(shifted, |sum, (_, generator)| sum ^ generator)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_standard_calls_valid_is_read() {
        // BIP 173's own examples, those in lower case.
        for valid in [
            "a12uel5l",
            "an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5tgs",
            "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw",
            "11qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqc8247j",
            "split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w",
            "?1ezyfcl",
        ] {
            assert_eq!(decode(valid).map(|(prefix, _)| prefix), valid.rsplit_once('1').map(|(p, _)| p));
        }
        let alphabet: u32 = 0x0044_3214;
        let (_, bytes) = decode("abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw").unwrap();
        assert_eq!((bytes.len(), &bytes[..4]), (20, &alphabet.to_be_bytes()[..]));
    }

    #[test]
    fn what_the_standard_calls_invalid_is_not() {
        for invalid in [
            "",
            "1",
            " 1nwldj5",
            "\u{7f}1axkwrx",
            "é1eym55h",
            "pzry9x0s0muk",
            "1pzry9x0s0muk",
            "x1b4n0q5v",
            "li1dgmt3",
            "de1lg7wt\u{ff}",
            "A1G7SGD8",
            "A12UEL5L",
            "10a06t8",
            "1qzzfhee",
            "a12uEL5L",
        ] {
            assert_eq!(decode(invalid), None, "{invalid}");
        }
    }

    #[test]
    fn one_wrong_character_shows_anywhere() {
        let key = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";
        assert!(decode(key).is_some_and(|(prefix, bytes)| prefix == "age" && bytes.len() == 32));
        for at in 0..key.len() {
            for other in ALPHABET.iter().map(|b| char::from(*b)).filter(|c| !key[at..].starts_with(*c)) {
                let wrong = format!("{}{other}{}", &key[..at], &key[at + 1..]);
                assert_eq!(decode(&wrong), None, "{wrong}");
            }
        }
        for neighbours in 4..key.len() - 1 {
            let mut bytes = key.as_bytes().to_vec();
            bytes.swap(neighbours, neighbours + 1);
            let swapped = String::from_utf8(bytes).unwrap();
            assert!(swapped == key || decode(&swapped).is_none(), "{swapped}");
        }
    }
}
