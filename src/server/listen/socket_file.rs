//! Unix sockets in the file system.

use std::fs;
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixSocket, UnixStream};

use super::{BACKLOG, BindCause};
use crate::settings::SocketOwner;

/// Longest path that fits `sun_path`, which ends with a zero (unix(7)).
const LONGEST: usize = 107;

/// A socket file of ours. Dropped, it is removed, unless another has taken its name.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl SocketFile {
    fn of(path: PathBuf) -> io::Result<Self> {
        let metadata = fs::symlink_metadata(&path)?;
        Ok(Self { path, device: metadata.dev(), inode: metadata.ino() })
    }

    /// Takes over a name, whatever had it. Nobody ever finds it missing.
    fn rename(&mut self, path: &Path) -> io::Result<()> {
        fs::rename(&self.path, path)?;
        path.clone_into(&mut self.path);
        Ok(())
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Whoever came after us may have replaced it already, and must not lose his.
        let ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|metadata| metadata.dev() == self.device && metadata.ino() == self.inode);
        if ours {
            let _gone_already = fs::remove_file(&self.path);
        }
    }
}

/// Listens on a path. Mode and owner are set under another name, before anybody can connect: between `bind` and
/// `chmod` the file would have the mode that the umask leaves.
pub(super) async fn bind(path: &Path, owner: &SocketOwner) -> Result<(UnixListener, SocketFile), BindCause> {
    let directory = match path.parent() {
        Some(directory) if directory.as_os_str().is_empty() => Path::new("."),
        Some(directory) => directory,
        None => return Err(BindCause::NotASocket),
    };
    if !directory.is_dir() {
        return Err(BindCause::NoDirectory(directory.to_path_buf()));
    }
    let passing = directory.join(passing_name());
    fits(path, &passing)?;
    refuse_what_is_not_stale(path).await?;

    let socket = UnixSocket::new_stream().map_err(BindCause::of)?;
    socket.bind(&passing).map_err(BindCause::of)?;
    let mut file = SocketFile::of(passing.clone()).map_err(BindCause::of)?;
    fs::set_permissions(&passing, fs::Permissions::from_mode(owner.mode)).map_err(BindCause::of)?;
    give_away(&passing, owner).map_err(BindCause::Owner)?;
    let listener = socket.listen(BACKLOG).map_err(BindCause::of)?;
    file.rename(path).map_err(BindCause::of)?;
    Ok((listener, file))
}

fn give_away(path: &Path, owner: &SocketOwner) -> io::Result<()> {
    // To chown(2), -1 means "leave it as it is", which is not what somebody meant who wrote a number.
    if owner.owner == Some(u32::MAX) || owner.group == Some(u32::MAX) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "4294967295 is nobody's number"));
    }
    match (owner.owner, owner.group) {
        (None, None) => Ok(()),
        (owner, group) => chown(path, owner, group),
    }
}

/// Nine bytes that nobody else in the directory uses; process ids would not do, as each container has a 1.
fn passing_name() -> String {
    let random = RandomState::new().hash_one(std::process::id()).to_le_bytes();
    let [first, second, third, fourth, ..] = random;
    format!(".{first:02x}{second:02x}{third:02x}{fourth:02x}")
}

fn fits(path: &Path, passing: &Path) -> Result<(), BindCause> {
    let bytes = |path: &Path| path.as_os_str().as_bytes().len();
    // The passing name must fit as well.
    let longest = LONGEST.saturating_sub(bytes(passing).saturating_sub(bytes(path)));
    if bytes(path) > longest {
        return Err(BindCause::TooLong { bytes: bytes(path), longest });
    }
    Ok(())
}

/// A socket that nobody listens on is what a killed process leaves behind; anything else is not ours to replace.
async fn refuse_what_is_not_stale(path: &Path) -> Result<(), BindCause> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(BindCause::of(error)),
    };
    if !metadata.file_type().is_socket() {
        return Err(BindCause::NotASocket);
    }
    let Err(error) = UnixStream::connect(path).await else { return Err(BindCause::InUse) };
    let kind = error.kind();
    if kind == io::ErrorKind::ConnectionRefused || kind == io::ErrorKind::NotFound {
        Ok(())
    } else if kind == io::ErrorKind::WouldBlock {
        // A full backlog: somebody listens, though he is slow.
        Err(BindCause::InUse)
    } else {
        Err(BindCause::Unknown(error))
    }
}
