//! Keys of the real `age`, and what it makes of a file (Debian: age).

use std::io::Write;
use std::process::{Command, Output, Stdio};

use super::{TempFolder, skip};

/// A secret key in a file of its own, and the public key that belongs to it.
pub(crate) struct Identity {
    _folder: TempFolder,
    pub(crate) file: String,
    pub(crate) recipient: String,
}

impl Identity {
    /// Some new ones; None, and a word of why, where there is no `age`.
    pub(crate) fn some<const N: usize>() -> Option<[Identity; N]> {
        if Command::new("age").arg("--version").output().is_err() {
            skip("there is no age");
            return None;
        }
        Some(std::array::from_fn(|_| {
            let folder = TempFolder::new();
            let file = folder.path("key");
            assert_done(&Command::new("age-keygen").args(["-o", &file]).output().unwrap());
            let made = Command::new("age-keygen").args(["-y", &file]).output().unwrap();
            assert_done(&made);
            let recipient = String::from_utf8(made.stdout).unwrap().trim().to_owned();
            Identity { _folder: folder, file, recipient }
        }))
    }

    /// What `armor` says to the holder of this key.
    pub(crate) fn open(&self, armor: impl AsRef<[u8]>) -> Result<Vec<u8>, String> {
        let mut command = Command::new("age");
        command.args(["--decrypt", "--identity", &self.file]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut age = command.spawn().unwrap();
        let mut input = age.stdin.take().unwrap();
        let armor = armor.as_ref().to_vec();
        // From another thread: a large file is read and written by turns. It hangs up on a file that it refuses.
        let writing = std::thread::spawn(move || drop(input.write_all(&armor)));
        let output = age.wait_with_output().unwrap();
        writing.join().unwrap();
        match output.status.success() {
            true => Ok(output.stdout),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }

    /// The same, as text, which it must be.
    #[track_caller]
    pub(crate) fn read(&self, armor: &str) -> String {
        let opened = self.open(armor).unwrap_or_else(|why| panic!("{why} of:\n{armor}"));
        String::from_utf8(opened).unwrap()
    }
}

#[track_caller]
fn assert_done(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
