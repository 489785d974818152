//! TLS for a connection to a server.

use super::frames::Io;
use crate::{Error, ErrorKind, client::Secret};
use std::io;
use tokio::net::TcpStream;

/// The certificates that the client trusts, and its own.
#[derive(Debug, Clone, Default)]
pub(super) struct TlsSettings {
    /// Certificates of authorities, in PEM. Without any, those that the system trusts.
    pub(super) roots: Vec<Vec<u8>>,
    /// The client's certificate chain and its key, in PEM.
    pub(super) client: Option<(Vec<u8>, Secret)>,
}

#[cfg(not(any(feature = "rustls", feature = "rustls-no-provider")))]
impl TlsSettings {
    pub(super) fn is_set(&self) -> bool {
        !self.roots.is_empty() || self.client.is_some()
    }
}

#[cfg(any(feature = "rustls", feature = "rustls-no-provider"))]
impl TlsSettings {
    /// The same for the library behind clusters, if anything is set.
    pub(super) fn for_cluster(&self) -> Option<redis_rs::TlsCertificates> {
        let root_cert = (!self.roots.is_empty()).then(|| self.roots.concat());
        let client_tls = self.client.clone().map(|(client_cert, key)| redis_rs::ClientTlsConfig {
            client_cert,
            client_key: key.expose().as_bytes().to_vec(),
        });
        (root_cert.is_some() || client_tls.is_some()).then_some(redis_rs::TlsCertificates { client_tls, root_cert })
    }
}

#[cfg(all(feature = "native-tls", not(any(feature = "rustls", feature = "rustls-no-provider"))))]
pub(super) use self::with_native_tls::Tls;
#[cfg(any(feature = "rustls", feature = "rustls-no-provider"))]
pub(super) use self::with_rustls::Tls;
#[cfg(not(any(feature = "rustls", feature = "rustls-no-provider", feature = "native-tls")))]
pub(super) use self::without::Tls;

#[allow(dead_code, reason = "without a TLS feature nothing is configured")]
fn unusable(what: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(ErrorKind::Configuration, what).with_source(source)
}

#[cfg(any(feature = "rustls", feature = "rustls-no-provider"))]
mod with_rustls {
    use super::{Error, Io, TcpStream, TlsSettings, io, unusable};
    use std::sync::Arc;
    use tokio_rustls::{
        TlsConnector,
        rustls::{
            ClientConfig, RootCertStore,
            crypto::CryptoProvider,
            pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
        },
    };

    /// One configuration for all connections of a client, so that TLS sessions are resumed.
    #[derive(Clone)]
    pub(in super::super) struct Tls(TlsConnector);

    impl Tls {
        pub(in super::super) fn new(settings: &TlsSettings) -> Result<Self, Error> {
            let mut roots = RootCertStore::empty();
            for pem in &settings.roots {
                let before = roots.len();
                for certificate in CertificateDer::pem_slice_iter(pem) {
                    let certificate = certificate.map_err(|error| unusable("root_certificate is not PEM", error))?;
                    roots.add(certificate).map_err(|error| unusable("root_certificate cannot be used", error))?;
                }
                if roots.len() == before {
                    return Err(unusable("root_certificate is not PEM", "it holds no certificate"));
                }
            }
            if settings.roots.is_empty() {
                // Some of what systems have may be unusable; a server is refused if nothing that is left vouches for it.
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
            let provider = provider().ok_or_else(|| {
                unusable(
                    "there is no provider of cryptography for TLS",
                    "install one by CryptoProvider::install_default",
                )
            })?;
            let config = ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .map_err(|error| unusable("TLS cannot be set up", error))?
                .with_root_certificates(roots);
            let config = match &settings.client {
                None => config.with_no_client_auth(),
                Some((chain, key)) => {
                    let chain: Vec<_> = CertificateDer::pem_slice_iter(chain)
                        .collect::<Result<_, _>>()
                        .map_err(|error| unusable("the client certificate is not PEM", error))?;
                    // The error of a key that cannot be read may repeat it.
                    let key = PrivateKeyDer::from_pem_slice(key.expose().as_bytes())
                        .map_err(|_| unusable("the key of the client certificate cannot be used", "it is not PEM"))?;
                    config
                        .with_client_auth_cert(chain, key)
                        .map_err(|error| unusable("the client certificate cannot be used", error))?
                }
            };
            Ok(Self(TlsConnector::from(Arc::new(config))))
        }

        pub(in super::super) async fn connect(&self, host: &str, stream: TcpStream) -> io::Result<Box<dyn Io>> {
            let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned())
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
            Ok(Box::new(self.0.connect(name, stream).await?))
        }
    }

    /// The provider that the application installed, or the one that the feature `rustls` brings.
    fn provider() -> Option<Arc<CryptoProvider>> {
        #[cfg(feature = "rustls")]
        let default = || Some(Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider()));
        #[cfg(not(feature = "rustls"))]
        let default = || None;
        CryptoProvider::get_default().cloned().or_else(default)
    }
}

#[cfg(all(feature = "native-tls", not(any(feature = "rustls", feature = "rustls-no-provider"))))]
mod with_native_tls {
    use super::{Error, Io, TcpStream, TlsSettings, io, unusable};
    use tokio_native_tls::{
        TlsConnector,
        native_tls::{self, Certificate, Identity},
    };

    #[derive(Clone)]
    pub(in super::super) struct Tls(TlsConnector);

    impl Tls {
        pub(in super::super) fn new(settings: &TlsSettings) -> Result<Self, Error> {
            let mut builder = native_tls::TlsConnector::builder();
            builder.disable_built_in_roots(!settings.roots.is_empty());
            for pem in &settings.roots {
                let root =
                    Certificate::from_pem(pem).map_err(|error| unusable("root_certificate is not PEM", error))?;
                builder.add_root_certificate(root);
            }
            if let Some((chain, key)) = &settings.client {
                // The error of a key that cannot be read may repeat it.
                let identity = Identity::from_pkcs8(chain, key.expose().as_bytes()).map_err(|_| {
                    unusable("the client certificate or its key cannot be used", "it has to be PKCS #8")
                })?;
                builder.identity(identity);
            }
            let connector = builder.build().map_err(|error| unusable("TLS cannot be set up", error))?;
            Ok(Self(connector.into()))
        }

        pub(in super::super) async fn connect(&self, host: &str, stream: TcpStream) -> io::Result<Box<dyn Io>> {
            Ok(Box::new(self.0.connect(host, stream).await.map_err(io::Error::other)?))
        }
    }
}

#[cfg(not(any(feature = "rustls", feature = "rustls-no-provider", feature = "native-tls")))]
mod without {
    use super::{Error, ErrorKind, Io, TcpStream, TlsSettings, io};

    #[derive(Clone)]
    pub(in super::super) enum Tls {}

    impl Tls {
        pub(in super::super) fn new(_: &TlsSettings) -> Result<Self, Error> {
            let message = "rediss:// needs TLS: turn on the feature rustls or native-tls";
            Err(Error::new(ErrorKind::Configuration, message))
        }

        #[allow(clippy::unused_async, reason = "as with TLS")]
        pub(in super::super) async fn connect(&self, _: &str, _: TcpStream) -> io::Result<Box<dyn Io>> {
            match *self {}
        }
    }
}
