//! Segments as files in the folder that `STATE_DIR` names.
//!
//! Apart, because this is where the spool's IO is. Nothing is made or changed until
//! there is something to write. A file stays open once it has been: should somebody
//! remove it, this process can read it all the same.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind::InvalidInput, ErrorKind::Unsupported};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::Disk;

/// A file's name around its number. What is in them may change with the ending.
const NAME: (&str, &str) = ("alerts-", ".v1");

/// Alerts are plain text: they are for nobody else to read.
const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;

/// The folder, locked.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    files: BTreeMap<u64, File>,
    /// A file was made, and the folder does not safely know of it.
    has_new_file: bool,
    /// Held as long as the process lives, killed or not; None while there is no folder.
    lock: Option<File>,
}

/// Another process has the folder.
#[derive(Debug, PartialEq)]
pub(crate) struct InUse(pub PathBuf);

impl Folder {
    /// Takes the folder for this process, if it is there.
    ///
    /// # Errors
    /// When another process has it. Whatever else is wrong is said when it is written to.
    pub(crate) fn open(path: &Path) -> Result<Folder, InUse> {
        let mut folder =
            Folder { path: path.to_owned(), files: BTreeMap::new(), has_new_file: false, lock: None };
        folder.lock().map(|()| folder)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Locks the folder itself: that makes no file, and works where nothing can be written.
    fn lock(&mut self) -> Result<(), InUse> {
        if self.lock.is_none()
            && let Ok(folder) = File::open(&self.path)
        {
            if let Err(TryLockError::WouldBlock) = folder.try_lock() {
                return Err(InUse(self.path.clone()));
            }
            // A file system without locks (some network shares) must do without.
            self.lock = Some(folder);
        }
        Ok(())
    }

    fn file_path(&self, number: u64) -> PathBuf {
        self.path.join(format!("{}{number:010}{}", NAME.0, NAME.1))
    }

    fn file(&mut self, number: u64) -> io::Result<&File> {
        if !self.files.contains_key(&number) {
            let path = self.file_path(number);
            // On a disk that cannot be written, what is there can still be told.
            let file = OpenOptions::new().read(true).write(true).open(&path);
            let file = file.or_else(|_| File::open(&path))?;
            self.files.insert(number, file);
        }
        self.files.get(&number).ok_or(io::ErrorKind::NotFound.into())
    }
}

impl Disk for Folder {
    fn segments(&mut self) -> io::Result<Vec<(u64, u64)>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let name = entry.file_name().into_string().unwrap_or_default();
            let number = name.strip_prefix(NAME.0).and_then(|rest| rest.strip_suffix(NAME.1));
            let number = number.and_then(|number| number.parse().ok());
            if let Some(number) = number.filter(|number| self.file_path(*number) == entry.path()) {
                found.push((number, entry.metadata()?.len()));
            }
        }
        Ok(found)
    }

    fn read(&mut self, number: u64, offset: u64, length: u64) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length as usize];
        self.file(number)?.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }

    fn create(&mut self, number: u64) -> io::Result<()> {
        if self.lock.is_none() {
            match DirBuilder::new().mode(FOLDER_MODE).create(&self.path) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => self.lock().map_err(|InUse(_)| io::ErrorKind::ResourceBusy)?,
            }
        }
        let path = self.file_path(number);
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(FILE_MODE).open(path)?;
        self.has_new_file = true;
        self.files.insert(number, file);
        Ok(())
    }

    fn write(&mut self, number: u64, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file(number)?.write_all_at(bytes, offset)
    }

    fn sync(&mut self, number: u64) -> io::Result<()> {
        self.file(number)?.sync_data()?;
        if self.has_new_file {
            match File::open(&self.path)?.sync_all() {
                // A file system that cannot sync folders must do without.
                Err(error) if !matches!(error.kind(), InvalidInput | Unsupported) => return Err(error),
                _ => self.has_new_file = false,
            }
        }
        Ok(())
    }

    fn cut(&mut self, number: u64, length: u64) -> io::Result<()> {
        self.file(number)?.set_len(length)
    }

    fn remove(&mut self, number: u64) -> io::Result<()> {
        match fs::remove_file(self.file_path(number)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => drop(self.files.remove(&number)),
        }
        Ok(())
    }
}
