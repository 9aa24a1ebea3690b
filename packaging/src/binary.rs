//! Refuses a program that Azure could not start, before it is deployed.
//!
//! Flex Consumption runs Linux on x86-64. Which C library its image has is not documented; the oldest image of the
//! Functions host 4 has glibc 2.31. A program that needs a newer one ends at once, and the host only says that it
//! "failed to start http worker process".

use std::{fmt, os::unix::fs::PermissionsExt, path::Path};

use object::{
    Endianness,
    elf::{self, FileHeader64},
    read::elf::{FileHeader, SectionHeader},
};

use crate::{PackagingError, files};

/// A version of the GNU C library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Glibc {
    /// The number before the dot.
    pub major: u32,
    /// The number behind it.
    pub minor: u32,
}

impl fmt::Display for Glibc {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.major, self.minor)
    }
}

/// What a program may need and be.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The newest version of glibc whose symbols the program may use.
    pub newest_glibc: Glibc,
    /// The largest size in bytes: the package is read at every cold start.
    pub largest_bytes: u64,
}

impl Limits {
    /// What is deployed to Azure: glibc 2.31 at most, 16 MiB at most.
    pub const AZURE: Self = Self {
        newest_glibc: Glibc {
            major: 2,
            minor: 31,
        },
        largest_bytes: 16 * 1024 * 1024,
    };
}

/// What was found in a program that may be deployed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// The size in bytes.
    pub bytes: u64,
    /// The newest version of glibc that it asks for; none for a static program.
    pub glibc: Option<Glibc>,
}

/// Reads the program at `path` and holds it to `limits`.
///
/// # Errors
/// It is not an executable ELF file for Linux on x86-64, has no execute bit, is too large, or needs too new a glibc.
pub fn check(path: &Path, limits: Limits) -> Result<Facts, PackagingError> {
    let refuse = |problem: String| PackagingError::Binary {
        path: path.to_owned(),
        problem,
    };
    let bytes = files::read(path)?;
    let size = bytes.len() as u64;
    let mode = std::fs::metadata(path)
        .map_err(|source| PackagingError::Unreadable {
            path: path.to_owned(),
            source,
        })?
        .permissions()
        .mode();
    if mode & 0o111 == 0 {
        return Err(refuse(
            "it has no execute bit: name the program that the build made, or chmod 755 it"
                .to_owned(),
        ));
    }
    if size > limits.largest_bytes {
        return Err(refuse(format!(
            "it has {size} bytes, more than the {} that a cold start should read: build it with --release",
            limits.largest_bytes
        )));
    }
    let glibc = newest_glibc(&bytes).map_err(refuse)?;
    if let Some(needed) = glibc
        && limits.newest_glibc < needed
    {
        return Err(refuse(format!(
            "it needs glibc {needed}, and Azure may have no more than {}: build it with scripts/build-portable.sh",
            limits.newest_glibc
        )));
    }
    Ok(Facts { bytes: size, glibc })
}

/// The newest `GLIBC_` version in the program's table of needed versions.
fn newest_glibc(bytes: &[u8]) -> Result<Option<Glibc>, String> {
    let not_elf = |error| format!("it is not an ELF file for 64 bits: {error}");
    let header = FileHeader64::<Endianness>::parse(bytes).map_err(not_elf)?;
    let endian = header.endian().map_err(not_elf)?;
    let machine = header.e_machine(endian);
    let (is_program, is_x86_64) = (
        [elf::ET_EXEC, elf::ET_DYN].contains(&header.e_type(endian)),
        machine == elf::EM_X86_64,
    );
    if !is_program || !is_x86_64 {
        return Err(format!(
            "it is no program for x86-64 (ELF machine {}): Flex Consumption runs nothing else",
            machine.0
        ));
    }
    let unreadable = |error| format!("its sections cannot be read: {error}");
    let sections = header.sections(endian, bytes).map_err(unreadable)?;
    let mut newest = None;
    for section in sections.iter() {
        let Some((libraries, strings)) = section.gnu_verneed(endian, bytes).map_err(unreadable)?
        else {
            continue;
        };
        let strings = sections
            .strings(endian, bytes, strings)
            .map_err(unreadable)?;
        for library in libraries {
            let (_, versions) = library.map_err(unreadable)?;
            for version in versions {
                let version = version.map_err(unreadable)?;
                let name = version.name(endian, strings).map_err(unreadable)?;
                newest = newest.max(parse_glibc(name));
            }
        }
    }
    Ok(newest)
}

/// Reads `GLIBC_2.31` and `GLIBC_2.2.5`; other libraries' versions, and `GLIBC_PRIVATE`, are none.
fn parse_glibc(name: &[u8]) -> Option<Glibc> {
    let version = std::str::from_utf8(name).ok()?.strip_prefix("GLIBC_")?;
    let mut numbers = version.split('.').map(str::parse);
    Some(Glibc {
        major: numbers.next()?.ok()?,
        minor: numbers.next()?.ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        let version = |name: &str| parse_glibc(name.as_bytes());
        assert!(version("GLIBC_2.4") < version("GLIBC_2.31"));
        assert!(version("GLIBC_2.2.5") < version("GLIBC_2.3"));
        assert_eq!(version("GLIBC_PRIVATE"), None);
        assert_eq!(version("GCC_3.0"), None);
    }
}
