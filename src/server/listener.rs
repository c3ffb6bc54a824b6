//! Where a server listens: a TCP address, or a Unix socket.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, IoSlice};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::fs::{FlockOperation, Mode, flock};
use rustix::process::umask;
#[cfg(target_os = "linux")]
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixListener, UnixSocket, UnixStream};
use tokio::time::sleep;

/// How many connections may wait to be accepted. A client whose connection does not fit tries again after a second.
pub(super) const BACKLOG: u32 = 1024;
/// How many bytes that were not sent yet the operating system keeps of a connection. What a client has not read beyond that
/// is kept once for all clients of equal responses, and a task that writes makes others wait for this much at most.
#[cfg(target_os = "linux")]
const UNSENT: u32 = 128 << 10;
/// How often, and how many times, the lock of a folder is tried.
const LOCK_PAUSE: Duration = Duration::from_millis(20);
const LOCK_TRIES: u32 = 100;

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// An IP address and a port; port 0 means any free port.
    Tcp(SocketAddr),
    /// The file of a Unix socket.
    Unix(PathBuf),
}

impl Address {
    /// Whether the address is one of loopback.
    pub fn is_loopback(&self) -> bool {
        matches!(self, Self::Tcp(address) if address.ip().is_loopback())
    }

    /// Whether only programs of this machine can connect. A Unix socket is open to its owner alone.
    pub fn is_private(&self) -> bool {
        matches!(self, Self::Unix(_)) || self.is_loopback()
    }

    /// Returns the address as the line `listening on …` names it: `http://127.0.0.1:8080` or `unix:/run/packages.sock`.
    pub fn url(&self) -> String {
        match self {
            Self::Tcp(address) => format!("http://{address}"),
            Self::Unix(_) => self.to_string(),
        }
    }
}

impl fmt::Display for Address {
    /// Writes the address as `--listen` takes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Accepts connections at one [`Address`].
#[derive(Debug)]
pub struct Listener(Kind);

#[derive(Debug)]
enum Kind {
    Tcp(TcpListener),
    /// The file is removed before the socket is closed: while somebody listens, nobody replaces it.
    Unix(SocketFile, UnixListener),
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self(Kind::Tcp(listener))
    }
}

impl Listener {
    /// Listens on `address`. The file of a Unix socket has mode 0600 and is removed when the listener is dropped. A socket
    /// that a killed server has left is replaced.
    ///
    /// # Errors
    ///
    /// Fails if the address is in use, or is not an address of this machine; or if there is a file at the path that is not
    /// a socket, or on which another server listens.
    pub async fn bind(address: &Address) -> io::Result<Self> {
        match address {
            Address::Tcp(address) => Ok(Self(Kind::Tcp(bind_tcp(*address)?))),
            Address::Unix(path) => {
                let (file, listener) = bind_unix(path).await?;
                Ok(Self(Kind::Unix(file, listener)))
            }
        }
    }

    /// Returns the address, with the port that was chosen.
    ///
    /// # Errors
    ///
    /// Fails if the operating system does not tell.
    pub fn address(&self) -> io::Result<Address> {
        match &self.0 {
            Kind::Tcp(listener) => Ok(Address::Tcp(listener.local_addr()?)),
            Kind::Unix(file, _) => Ok(Address::Unix(file.path.clone())),
        }
    }

    /// Waits for a connection. Returns also the address of the client.
    pub(super) async fn accept(&self) -> io::Result<(Stream, IpAddr)> {
        match &self.0 {
            Kind::Tcp(listener) => tcp(listener.accept().await?),
            Kind::Unix(_, listener) => Ok(unix(listener.accept().await?.0)),
        }
    }

    /// Accepts a connection that is established, whatever the async runtime knows of it.
    ///
    /// # Errors
    ///
    /// Fails with `WouldBlock` if there is none.
    pub(super) fn accept_now(&self) -> io::Result<(Stream, IpAddr)> {
        match &self.0 {
            Kind::Tcp(listener) => {
                let listener = listener.as_fd().try_clone_to_owned()?;
                let (stream, address) = std::net::TcpListener::from(listener).accept()?;
                stream.set_nonblocking(true)?;
                tcp((TcpStream::from_std(stream)?, address))
            }
            Kind::Unix(_, listener) => {
                let listener = listener.as_fd().try_clone_to_owned()?;
                let (stream, _) = std::os::unix::net::UnixListener::from(listener).accept()?;
                stream.set_nonblocking(true)?;
                Ok(unix(UnixStream::from_std(stream)?))
            }
        }
    }
}

fn tcp((stream, address): (TcpStream, SocketAddr)) -> io::Result<(Stream, IpAddr)> {
    // If it fails, small responses wait for the acknowledgement of earlier ones.
    let _ = stream.set_nodelay(true);
    // If it fails, the system keeps megabytes of long responses.
    #[cfg(target_os = "linux")]
    let _ = SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT);
    Ok((Stream::Tcp(stream), address.ip()))
}

/// The client of a Unix socket is a program of this machine.
fn unix(stream: UnixStream) -> (Stream, IpAddr) {
    (Stream::Unix(stream), Ipv4Addr::LOCALHOST.into())
}

fn bind_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    // Without this option, connections of a server that has just stopped would block the port for a minute.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

async fn bind_unix(path: &Path) -> io::Result<(SocketFile, UnixListener)> {
    // Of two servers that start at the same time, one waits until the other listens.
    let _lock = lock_folder(path).await?;
    remove_stale(path).await?;
    let socket = UnixSocket::new_stream()?;
    // The mode of the file is set when it is created: nobody can connect before.
    let others = umask(Mode::from_raw_mode(0o177));
    let bound = socket.bind(path);
    umask(others);
    bound?;
    let file = SocketFile::new(path)?;
    Ok((file, socket.listen(BACKLOG)?))
}

/// Locks the folder of `path` until the result is dropped.
async fn lock_folder(path: &Path) -> io::Result<File> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = File::open(folder.unwrap_or(Path::new(".")))?;
    for _ in 0..LOCK_TRIES {
        match flock(&folder, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(folder),
            Err(error) if error == rustix::io::Errno::WOULDBLOCK => sleep(LOCK_PAUSE).await,
            Err(error) => return Err(error.into()),
        }
    }
    Err(io::Error::other("another program locks its folder"))
}

/// Removes a socket on which nobody listens.
async fn remove_stale(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(file) if !file.file_type().is_socket() => {
            return Err(io::Error::other("the file exists and is not a socket"));
        }
        Ok(_) => {}
    }
    match UnixStream::connect(path).await {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        // Too many connections wait to be accepted.
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
        _ => Err(io::Error::other("another server listens there")),
    }
}

/// The file of a Unix socket. It is removed when this is dropped, unless another one has its name.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    /// The number of its device, and that of the file there.
    identity: (u64, u64),
}

impl SocketFile {
    fn new(path: &Path) -> io::Result<Self> {
        let path = std::path::absolute(path)?;
        let identity = Self::identity(&path)?;
        Ok(Self { path, identity })
    }

    fn identity(path: &Path) -> io::Result<(u64, u64)> {
        let file = fs::symlink_metadata(path)?;
        Ok((file.dev(), file.ino()))
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if Self::identity(&self.path).is_ok_and(|identity| identity == self.identity) {
            // If it fails, the next server replaces the file.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The stream of an accepted connection.
#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Unix(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Unix(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            Self::Unix(stream) => Pin::new(stream).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(stream) => stream.is_write_vectored(),
            Self::Unix(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(context),
            Self::Unix(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
