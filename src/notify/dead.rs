//! Dead letters: alerts that were given up, in `STATE_DIR/dead.jsonl`, for a human to read.
//!
//! ```text
//!   {"time":"2026-11-21 08:29:15","notifier":"Slack","rule":"EVENT0","reason":"expired","text":"…"}
//! ```

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// The file is renamed to `dead.jsonl.1` when it has grown to this: a notifier that
/// refuses everything must not fill the disk that the others' alerts need.
const FILE_BYTES_MAX: u64 = 256 * 1024;

/// One alert that one destination will never get.
#[derive(Serialize)]
pub(super) struct Letter<'a> {
    /// When it was given up.
    pub(super) time: String,
    /// Who should have told it.
    pub(super) notifier: &'a str,
    pub(super) rule: &'a str,
    pub(super) reason: &'a str,
    pub(super) text: String,
}

impl Letter<'_> {
    /// Adds it to the letters in `folder`.
    pub(super) fn write(&self, folder: &Path) -> io::Result<()> {
        let mut line = serde_json::to_string(self)?;
        line.push('\n');
        let path = folder.join("dead.jsonl");
        if path.metadata().is_ok_and(|file| file.len() + line.len() as u64 > FILE_BYTES_MAX) {
            std::fs::rename(&path, PathBuf::from(format!("{}.1", path.display())))?;
        }
        let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
        file.write_all(line.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_lines_of_json_and_one_full_file_is_kept() {
        let folder = std::env::temp_dir().join(format!("alertik-dead-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let text = "x".repeat(FILE_BYTES_MAX as usize / 2);
        for text in ["a\n\"é\"", &text, &text, "b"] {
            let time = "noon".to_owned();
            let text = text.to_owned();
            Letter { time, notifier: "Slack", rule: "EVENT0", reason: "expired", text }
                .write(&folder)
                .unwrap();
        }
        let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
        let (old, new) = (read("dead.jsonl.1"), read("dead.jsonl"));
        std::fs::remove_dir_all(&folder).unwrap();
        let first =
            r#"{"time":"noon","notifier":"Slack","rule":"EVENT0","reason":"expired","text":"a\n\"é\""}"#;
        assert_eq!(old.lines().next(), Some(first));
        assert_eq!((old.lines().count(), new.lines().count()), (2, 2));
    }
}
