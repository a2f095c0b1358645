//! A private certificate authority, made anew for each test.
//!
//! Its certificate is a PEM file, as an operator would give it in
//! `TLS_CA_FILE`; the servers' certificates can have each fault that a client
//! must notice.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::crypto::ring;
use rustls::pki_types::{PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig};

use super::TempFolder;

/// When a certificate is good.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Validity {
    Now,
    Expired,
    NotYet,
}

pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempFolder,
}

impl Authority {
    pub(crate) fn new() -> Authority {
        // Authorities of one name would be told apart by their signatures alone.
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("Authority {}", COUNT.fetch_add(1, Ordering::Relaxed));
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap();
        let folder = TempFolder::new();
        folder.write("ca.pem", issuer.pem());
        Authority { issuer, folder }
    }

    /// The path of its own certificate.
    pub(crate) fn ca_file(&self) -> String {
        self.folder.path("ca.pem")
    }

    /// What a server with a certificate for `name` (or an address) runs on.
    pub(crate) fn server(&self, name: &str, validity: Validity) -> Arc<ServerConfig> {
        let (certificate, key) = self.certify(name, validity);
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key.into())
            .unwrap();
        Arc::new(config)
    }

    /// The same for a server that is not ours: certificate and key.
    pub(crate) fn pem(&self, name: &str, validity: Validity) -> (String, String) {
        let (certificate, key) = self.certify(name, validity);
        (certificate.pem(), key.serialize_pem())
    }

    fn certify(&self, name: &str, validity: Validity) -> (Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::new([name.to_owned()]).unwrap();
        match validity {
            Validity::Now => {}
            Validity::Expired => parameters.not_after = date_time_ymd(2001, 1, 1),
            Validity::NotYet => parameters.not_before = date_time_ymd(3001, 1, 1),
        }
        (parameters.signed_by(&key, &self.issuer).unwrap(), key)
    }

    /// A client that trusts this authority alone, about to talk to `name`.
    pub(crate) fn client(&self, name: &'static str) -> ClientConnection {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        ClientConnection::new(Arc::new(config), ServerName::try_from(name).unwrap()).unwrap()
    }
}
