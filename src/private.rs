//! Files and folders that are their owner's only: journals, recordings, reports and logs name what a cluster has.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::path::Path;

/// Makes sure that a folder is there, and that nobody but its owner can write in it.
///
/// # Errors
/// When it cannot be made, or what stands there is a link, no folder, or writable for others.
pub fn folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    let found = std::fs::symlink_metadata(path)?;
    if !found.is_dir() {
        return Err(io::Error::new(io::ErrorKind::NotADirectory, "it is a link, and may lead anywhere"));
    }
    #[cfg(unix)]
    if std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o022 != 0 {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "others may write in it"));
    }
    Ok(())
}

/// Makes a file that is not there yet, to be written.
///
/// # Errors
/// When there is something by its name, a link that leads nowhere too, or it cannot be made.
pub fn new_file(path: &Path) -> io::Result<File> {
    // With O_EXCL the last part of the path may be no link.
    open(path, OpenOptions::new().write(true).create_new(true))
}

/// Opens a file to be read, and written at its end; makes it where there is none.
///
/// # Errors
/// When there is a link by its name, or it cannot be opened.
pub fn appended(path: &Path) -> io::Result<File> {
    if path.symlink_metadata().is_ok_and(|found| found.file_type().is_symlink()) {
        return Err(io::Error::other("it is a link"));
    }
    open(path, OpenOptions::new().read(true).append(true).create(true))
}

fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options.open(path)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        path.metadata().map_or(0, |found| found.permissions().mode() & 0o777)
    }

    #[test]
    fn a_folder_is_its_owners_and_no_link() {
        let temporary = tempfile::tempdir().unwrap();
        let own = temporary.path().join("state/kubelift");
        folder(&own).unwrap();
        folder(&own).unwrap();
        assert_eq!(mode(&own), 0o700);
        symlink(&own, temporary.path().join("elsewhere")).unwrap();
        assert!(folder(&temporary.path().join("elsewhere")).is_err());
        std::fs::set_permissions(&own, std::fs::Permissions::from_mode(0o777)).unwrap();
        assert!(folder(&own).is_err());
    }

    #[test]
    fn no_file_is_replaced_and_no_link_followed() {
        let temporary = tempfile::tempdir().unwrap();
        let path = |name: &str| temporary.path().join(name);
        new_file(&path("a")).unwrap();
        assert_eq!(mode(&path("a")), 0o600);
        assert!(new_file(&path("a")).is_err());
        symlink(path("nowhere"), path("link")).unwrap();
        assert!(new_file(&path("link")).is_err() && appended(&path("link")).is_err());
        assert!(!path("nowhere").exists());
        io::Write::write_all(&mut appended(&path("b")).unwrap(), b"1").unwrap();
        io::Write::write_all(&mut appended(&path("b")).unwrap(), b"2").unwrap();
        assert_eq!((std::fs::read(path("b")).unwrap(), mode(&path("b"))), (b"12".to_vec(), 0o600));
    }
}
