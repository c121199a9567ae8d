//! Checking who the broker is.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;

/// Check of the broker's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tls {
    /// Trusts the authorities that the operating system trusts.
    Platform,
    /// Trusts the authorities in this PEM text, and no others: for brokers with a certificate of one's own.
    Authorities(Vec<u8>),
}

/// Reason why no certificate could be checked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The operating system has no certificates that can be read.
    #[error("no trusted certificates found on this system ({0}); install ca-certificates or name a CA file")]
    NoPlatformRoots(String),
    /// The PEM text has no certificate in it, or a broken one.
    #[error("no usable certificate in the CA file: {0}")]
    Authorities(String),
    /// The TLS library refuses its configuration.
    #[error("TLS: {0}")]
    Library(#[from] rustls::Error),
}

/// The configuration for all connections of one client.
///
/// Built once, so that a CA file that is of no use ends the start and not every connection. The provider is
/// named because there may be no process-wide one.
pub(super) fn client_config(tls: &Tls) -> Result<Arc<ClientConfig>, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots(tls)?)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn roots(tls: &Tls) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    match tls {
        Tls::Platform => {
            let found = rustls_native_certs::load_native_certs();
            // Systems carry the odd broken certificate; the others are still good.
            roots.add_parsable_certificates(found.certs);
            if roots.is_empty() {
                let errors: Vec<_> = found.errors.iter().map(ToString::to_string).collect();
                return Err(TlsError::NoPlatformRoots(errors.join("; ")));
            }
        }
        Tls::Authorities(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate = certificate.map_err(|error| TlsError::Authorities(error.to_string()))?;
                roots.add(certificate).map_err(|error| TlsError::Authorities(error.to_string()))?;
            }
            if roots.is_empty() {
                return Err(TlsError::Authorities("it has no PEM certificate".into()));
            }
        }
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ca_file_without_a_certificate_is_an_error() {
        for pem in ["", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            let error = client_config(&Tls::Authorities(pem.into())).unwrap_err();
            assert!(matches!(error, TlsError::Authorities(_)), "{error}");
        }
    }
}
