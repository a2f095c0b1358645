//! The fields of a payload on the disk: numbers, texts, lists of texts.
//!
//! Apart and without panics: what is read may be of another version.

/// Appends a number.
pub fn write_number(bytes: &mut Vec<u8>, number: u64) {
    bytes.extend_from_slice(&number.to_le_bytes());
}

/// Appends a text or the like, with its length.
pub fn write_bytes(bytes: &mut Vec<u8>, value: &[u8]) {
    // What is in memory is far from 4 GiB.
    bytes.extend_from_slice(&(value.len() as u32).to_le_bytes());
    bytes.extend_from_slice(value);
}

/// Appends a list of texts.
pub fn write_texts(bytes: &mut Vec<u8>, texts: &[&str]) {
    bytes.extend_from_slice(&(texts.len() as u32).to_le_bytes());
    texts.iter().for_each(|text| write_bytes(bytes, text.as_bytes()));
}

/// What is still to be read.
pub struct Rest<'a>(pub &'a [u8]);

impl<'a> Rest<'a> {
    /// So many bytes.
    pub fn chunk<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (chunk, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(chunk)
    }

    /// What [`write_number`] wrote.
    pub fn number(&mut self) -> Option<u64> {
        self.chunk().copied().map(u64::from_le_bytes)
    }

    fn length(&mut self) -> Option<usize> {
        self.chunk().copied().map(|bytes| u32::from_le_bytes(bytes) as usize)
    }

    /// What [`write_texts`] wrote.
    pub fn texts(&mut self) -> Option<Vec<&'a str>> {
        let count = self.length()?;
        (0..count).map(|_| self.text()).collect()
    }

    /// What [`write_bytes`] wrote, if it is text.
    pub fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    /// What [`write_bytes`] wrote.
    pub fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.length()?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }
}
