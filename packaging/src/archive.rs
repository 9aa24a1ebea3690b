//! The zip: fixed order, times and modes, so that the same files give the same bytes on every machine.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use sha2::{Digest, Sha256};
use zip::{CompressionMethod, DateTime, ZipWriter, write::SimpleFileOptions};

use crate::{PackagingError, contents::Entry, files};

/// Writes `entries` in their order to the zip at `path`, and returns its SHA-256 digest in lower-case hexadecimal.
///
/// Every entry carries the earliest time that a zip can tell, 1980-01-01, and the mode of its [`Entry`], marked as
/// made on Unix: without that mark the host ignores the modes, and the program loses its execute bit.
///
/// # Errors
/// A file cannot be read, or the zip cannot be written.
pub fn write(path: &Path, entries: &[Entry]) -> Result<String, PackagingError> {
    let unwritable =
        |error: zip::result::ZipError| files::unwritable(path)(std::io::Error::other(error));
    let file = File::create(path).map_err(files::unwritable(path))?;
    let mut zip = ZipWriter::new(BufWriter::new(file));
    for entry in entries {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(6))
            .last_modified_time(DateTime::default())
            .unix_permissions(entry.mode);
        zip.start_file(&entry.name, options).map_err(unwritable)?;
        zip.write_all(&files::read(&entry.source)?)
            .map_err(files::unwritable(path))?;
    }
    zip.finish()
        .map_err(unwritable)?
        .flush()
        .map_err(files::unwritable(path))?;
    Ok(format!("{:x}", Sha256::digest(files::read(path)?)))
}
