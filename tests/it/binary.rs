//! Our own binary, run as a user runs it: arguments, variables and input in; exit code and both outputs out.
//!
//! Apart, because cases and commands both need it. The environment is empty but for what a test sets, so
//! that no variable of the machine that runs the tests is mistaken for the operator's.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

/// One run that is being prepared.
pub(crate) struct Binary {
    command: Command,
    input: Vec<u8>,
}

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Ran {
    /// The exit code; -1 where a signal ended it.
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Binary {
    /// `alertik` with these arguments.
    pub(crate) fn new(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Binary {
        let mut command = Command::new(env!("CARGO_BIN_EXE_alertik"));
        command.args(arguments).env_clear();
        Binary { command, input: Vec::new() }
    }

    /// With a variable.
    pub(crate) fn set(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Binary {
        self.command.env(name, value);
        self
    }

    /// With variables.
    pub(crate) fn set_all<N: AsRef<OsStr>, V: AsRef<OsStr>>(
        mut self,
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Binary {
        self.command.envs(variables);
        self
    }

    /// In a folder.
    pub(crate) fn within(mut self, folder: &Path) -> Binary {
        self.command.current_dir(folder);
        self
    }

    /// With text on standard input.
    pub(crate) fn input(mut self, text: impl Into<Vec<u8>>) -> Binary {
        self.input = text.into();
        self
    }

    /// For what this type does not know.
    pub(crate) fn into_command(self) -> Command {
        self.command
    }

    /// Runs to the end.
    pub(crate) fn run(mut self) -> Ran {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().expect("our binary starts");
        let mut stdin = child.stdin.take().expect("it was piped");
        let input = self.input;
        // Beside the reading, or both sides wait once the pipes are full. Who reads no input closes it.
        let writing = thread::spawn(move || drop(stdin.write_all(&input)));
        let output = child.wait_with_output().expect("our binary ends");
        writing.join().expect("writing does not panic");
        let text = |bytes| String::from_utf8(bytes).expect("what it prints is UTF-8");
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

/// `text` as a variable's value or an argument, byte for byte.
pub(crate) fn os(text: &[u8]) -> OsString {
    use std::os::unix::ffi::OsStringExt;
    OsString::from_vec(text.to_vec())
}
