//! TLS over a connection that ureq opened.
//!
//! ureq has a connector of its own, but it trusts either the public
//! authorities or given ones, and an operator with a self-hosted service has
//! Telegram beside it: `TLS_CA_FILE` adds to the public authorities. There is
//! no way to switch the checking off.

use std::fmt;
use std::io::{Read, Write};
use std::sync::Arc;
use std::time::SystemTime;

use rustls::crypto::{CryptoProvider, KeyProvider};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::SigningKey;
use rustls::{CertificateError, ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use ureq::unversioned::transport::time::{Duration, Instant};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport, TransportAdapter,
};

use crate::alert::is_set;
use crate::timestamp::Zone;

/// What to trust: the public authorities, and those in `ca_file` (PEM).
///
/// # Errors
/// When the file cannot be read or holds no certificate.
pub(super) fn trust(ca_file: Option<&str>) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = ca_file {
        let pem = std::fs::read(path).map_err(|error| format!("cannot be read: {error}"))?;
        let before = roots.len();
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let added = certificate.map_err(|_| ()).and_then(|der| roots.add(der).map_err(|_| ()));
            added.map_err(|()| "holds a certificate that cannot be read".to_owned())?;
        }
        if roots.len() == before {
            return Err("holds no certificate (expected PEM)".to_owned());
        }
    }
    let provider = CryptoProvider { key_provider: &NoKeys, ..rustls::crypto::ring::default_provider() };
    let config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// We show no certificate of our own, so there is no key to be read. Without this, 16 kB of RSA
/// and other signing would be in the binary for nothing.
#[derive(Debug)]
struct NoKeys;

impl KeyProvider for NoKeys {
    fn load_private_key(&self, _: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, rustls::Error> {
        Err(rustls::Error::General("there are no keys here".to_owned()))
    }
}

/// Why a handshake failed, and what the operator can look at; short enough for a line of the log.
pub(super) fn words(error: &rustls::Error) -> String {
    use CertificateError as Bad;
    match error {
        rustls::Error::InvalidCertificate(Bad::NotValidYetContext { time, not_before }) => {
            let (says, from) = (date(*time), date(*not_before));
            match is_set(system_time(*time)) {
                false => format!("TLS: the clock is not set: it says {says} (certificate: from {from})"),
                true => format!("TLS: the certificate is not valid before {from}; the clock says {says}"),
            }
        }
        rustls::Error::InvalidCertificate(Bad::ExpiredContext { time, not_after }) => {
            let (says, until) = (date(*time), date(*not_after));
            format!("TLS: the certificate has expired on {until}; the clock says {says}")
        }
        rustls::Error::InvalidCertificate(Bad::UnknownIssuer) => {
            "TLS: the certificate is not from a known authority (TLS_CA_FILE adds one)".to_owned()
        }
        rustls::Error::InvalidCertificate(Bad::NotValidForName | Bad::NotValidForNameContext { .. }) => {
            "TLS: the certificate is for another name".to_owned()
        }
        rustls::Error::InvalidCertificate(_) => "TLS: the certificate is not valid".to_owned(),
        rustls::Error::InvalidMessage(_) => "TLS: the other side does not speak TLS".to_owned(),
        _ => "TLS: the handshake failed".to_owned(),
    }
}

/// `2026-11-21`, in UTC, as certificates are written.
fn date(time: UnixTime) -> String {
    let mut text = Zone::utc().format(system_time(time));
    text.truncate("2026-11-21".len());
    text
}

fn system_time(time: UnixTime) -> SystemTime {
    SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(time.as_secs())
}

/// Wraps connections for https URLs.
pub(super) struct TlsConnector(Arc<ClientConfig>);

impl TlsConnector {
    pub(super) fn new(trust: Arc<ClientConfig>) -> TlsConnector {
        TlsConnector(trust)
    }
}

impl fmt::Debug for TlsConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsConnector")
    }
}

impl<In: Transport> Connector<In> for TlsConnector {
    type Out = Either<In, TlsTransport>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        let Some(transport) = chained else { return Ok(None) };
        if !details.needs_tls() || transport.is_tls() {
            return Ok(Some(Either::A(transport)));
        }
        let host = details.uri.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let name =
            ServerName::try_from(host.to_owned()).map_err(|_| ureq::Error::Tls("this is no host name"))?;
        let failed = |error| std::io::Error::other::<rustls::Error>(error);
        let mut session = ClientConnection::new(Arc::clone(&self.0), name).map_err(failed)?;
        let mut socket = TransportAdapter::new(transport.boxed(), details.current_time.clone());
        socket.set_timeout(timeout_left(details));
        session.complete_io(&mut socket)?;
        let buffers =
            LazyBuffers::new(details.config.input_buffer_size(), details.config.output_buffer_size());
        let stream = StreamOwned::new(session, socket);
        Ok(Some(Either::B(TlsTransport { buffers, stream })))
    }
}

/// What the connection below has left of the time for both. The time in `details`
/// is that from before it: given anew to TLS, ten seconds would be twenty.
fn timeout_left(details: &ConnectionDetails<'_>) -> NextTimeout {
    let mut left = details.timeout;
    if let (Duration::Exact(limit), Instant::Exact(start), Instant::Exact(now)) =
        (left.after, details.now, (details.current_time)())
    {
        left.after = Duration::Exact(limit.saturating_sub(now.saturating_duration_since(start)));
    }
    left
}

/// One TLS connection, as ureq wants to use it.
pub(super) struct TlsTransport {
    buffers: LazyBuffers,
    stream: StreamOwned<ClientConnection, TransportAdapter>,
}

impl fmt::Debug for TlsTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsTransport")
    }
}

impl Transport for TlsTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.stream.get_mut().set_timeout(timeout);
        let output = self.buffers.output().get(..amount).unwrap_or_default();
        self.stream.write_all(output)?;
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.stream.get_mut().set_timeout(timeout);
        let amount = self.stream.read(self.buffers.input_append_buf())?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.get_mut().get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}
