//! What the owner has granted: everything that the manifest wants, and nothing else.

use std::collections::BTreeMap;

use crate::connector::{Configured, Manifest};
use crate::http::{Capture, CaptureTarget, Computation, Piece, Request};

/// The secrets of an account.
#[derive(Debug, Default)]
pub(super) struct Grants {
    /// Their names, the endpoints that each may be sent to, and whether the cloud gives it out.
    secrets: BTreeMap<String, (Vec<String>, bool)>,
}

impl Grants {
    pub(super) fn of(manifest: &Manifest) -> Self {
        let secrets = manifest.wants.secrets.iter().map(|wanted| {
            let given_out = wanted.configured == Configured::Never || wanted.rotates;
            (wanted.name.clone(), (wanted.endpoints.clone(), given_out))
        });
        Self { secrets: secrets.collect() }
    }

    /// Why the host would not send this request. None if it would.
    pub(super) fn objection(&self, request: &Request) -> Option<String> {
        let computed: String =
            request.derivations.iter().flat_map(|derivation| texts(&derivation.how)).collect();
        let used = super::placeholders(request).into_iter().chain(super::names_in(&computed));
        for name in used.filter_map(|name| Some(name.strip_prefix("secret:")?.to_owned())) {
            let Some((endpoints, _)) = self.secrets.get(&name) else {
                return Some(format!("the manifest does not want the secret `{name}`"));
            };
            let bound = |endpoint: &String| request.url.starts_with(&super::url_of(endpoint));
            if !endpoints.iter().any(bound) {
                return Some(format!("the manifest does not want `{name}` sent to {}", request.url));
            }
        }
        request.captures.iter().find_map(|capture: &Capture| match &capture.target {
            CaptureTarget::Secret(name) if !self.gives_out(name) => {
                Some(format!("the manifest has no secret `{name}` that the cloud gives out"))
            }
            _ => None,
        })
    }

    /// Whether there is a secret of this name that the cloud, or the host's generator, gives out.
    pub(super) fn gives_out(&self, name: &str) -> bool {
        self.secrets.get(name).is_some_and(|(_, given_out)| *given_out)
    }
}

fn texts(how: &Computation) -> Vec<String> {
    let pieces = match how {
        Computation::HmacSha256(keyed) => [keyed.key.clone(), keyed.message.clone()].concat(),
        Computation::Sha256(joined) | Computation::Join(joined) => joined.pieces.clone(),
        Computation::RsaPkcs1(sealed) => sealed.pieces.clone(),
    };
    let text = |piece| if let Piece::Text(text) = piece { Some(text) } else { None };
    pieces.into_iter().filter_map(text).collect()
}
