//! Where the kernel puts events (inotify). On systems without it, files are looked at every interval.

/// What an event says.
#[derive(Debug)]
pub(in crate::runtime) enum Happened {
    /// A file was written: the watch and its name.
    Written(i32, Vec<u8>),
    /// A file was closed by its writer, or came or went under this name.
    Done(i32, Vec<u8>),
    /// A directory is no longer watched.
    Left(i32),
    /// Events were lost.
    Lost,
}

#[cfg(target_os = "linux")]
mod system {
    use std::io;
    use std::mem::MaybeUninit;
    use std::os::fd::OwnedFd;
    use std::path::Path;

    use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
    use tokio::io::unix::AsyncFd;

    use super::Happened;

    /// The kernel's events of watched directories.
    #[derive(Debug)]
    pub(in crate::runtime) struct Inbox(AsyncFd<OwnedFd>);

    impl Inbox {
        /// Made within a runtime.
        #[expect(
            deprecated,
            reason = "an `OwnedFd` keeps the promise that its successor, `unsafe`, asks for"
        )]
        pub fn new() -> io::Result<Self> {
            let events = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
            Ok(Self(AsyncFd::new(events)?))
        }

        /// Waits for an event. Whoever waited has to drain.
        pub async fn wait(&self) {
            match self.0.readable().await {
                Ok(mut guard) => guard.clear_ready(),
                // The runtime is shutting down.
                Err(_) => std::future::pending().await,
            }
        }

        pub fn watch(&self, directory: &Path) -> io::Result<i32> {
            let flags = WatchFlags::ATTRIB
                | WatchFlags::CLOSE_WRITE
                | WatchFlags::CREATE
                | WatchFlags::DELETE
                | WatchFlags::DELETE_SELF
                | WatchFlags::MODIFY
                | WatchFlags::MOVE_SELF
                | WatchFlags::MOVED_FROM
                | WatchFlags::MOVED_TO
                | WatchFlags::ONLYDIR;
            Ok(inotify::add_watch(self.0.get_ref(), directory, flags)?)
        }

        pub fn unwatch(&self, watch: i32) {
            // One whose directory is gone is gone already.
            let _ = inotify::remove_watch(self.0.get_ref(), watch);
        }

        /// Takes all events there are.
        pub fn drain(&self, mut take: impl FnMut(Happened)) {
            let mut buffer = [const { MaybeUninit::uninit() }; 4096];
            let mut events = inotify::Reader::new(self.0.get_ref(), &mut buffer);
            // An error is the end of what there is.
            while let Ok(event) = events.next() {
                let name = || event.file_name().map(|name| name.to_bytes().to_vec()).unwrap_or_default();
                let kind = event.events();
                if kind.contains(ReadFlags::QUEUE_OVERFLOW) {
                    take(Happened::Lost);
                } else if kind.contains(ReadFlags::IGNORED) {
                    take(Happened::Left(event.wd()));
                } else if kind.contains(ReadFlags::MODIFY) {
                    take(Happened::Written(event.wd(), name()));
                } else if !kind.intersects(ReadFlags::ATTRIB | ReadFlags::CREATE) {
                    take(Happened::Done(event.wd(), name()));
                }
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::io;
    use std::path::Path;

    use super::Happened;

    /// There is none here.
    #[derive(Debug)]
    pub(in crate::runtime) enum Inbox {}

    impl Inbox {
        pub fn new() -> io::Result<Self> {
            Err(io::Error::new(io::ErrorKind::Unsupported, "file events are known on Linux only"))
        }

        pub async fn wait(&self) {
            match *self {}
        }

        pub fn watch(&self, _directory: &Path) -> io::Result<i32> {
            match *self {}
        }

        pub fn unwatch(&self, _watch: i32) {
            match *self {}
        }

        pub fn drain(&self, _take: impl FnMut(Happened)) {
            match *self {}
        }
    }
}

pub(in crate::runtime) use system::Inbox;
