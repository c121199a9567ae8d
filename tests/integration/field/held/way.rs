//! The way to the cloud, with something on it: what real answers on a wire come to, met by a host in virtual time.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde_json::Value;
use testkit::virtual_home::VirtualHome;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use vehicle_connector::bindings::http::TransportError;
use vehicle_connector::descriptor::Network;
use vehicle_connector::primitives::transport::{Lookup, Response};
use vehicle_connector::primitives::{HttpClient, HttpRequest, Transport};

/// What comes instead of the cloud's answer.
pub enum Met {
    /// Nothing reaches the cloud.
    NotSent(String),
    /// The cloud is reached, and no whole answer comes back.
    Interrupted(String),
    /// Another answer.
    Answer(u16, Vec<(String, String)>, Vec<u8>),
    /// The answer with something changed in its document.
    Changed(Box<dyn Fn(&mut Value) + Send + Sync>),
}

/// The way that a host in virtual time has, with something on it.
struct Way {
    network: Arc<dyn Transport>,
    /// The parts of a path that lead there.
    at: &'static [&'static str],
    met: Met,
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Way").field("at", &self.at).finish_non_exhaustive()
    }
}

impl Transport for Way {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<Response, TransportError>> {
        let is_there = self.at.iter().any(|part| request.url.path().contains(part));
        async move {
            if !is_there {
                return self.network.send(request).await;
            }
            if let Met::NotSent(why) = &self.met {
                return Err(TransportError::NotSent(why.clone()));
            }
            let mut response = self.network.send(request).await?;
            match &self.met {
                Met::NotSent(why) | Met::Interrupted(why) => Err(TransportError::Interrupted(why.clone())),
                Met::Answer(status, headers, body) => {
                    Ok(Response { status: *status, headers: headers.clone(), body: body.clone() })
                }
                Met::Changed(change) => {
                    let mut document = serde_json::from_slice(&response.body).unwrap();
                    change(&mut document);
                    response.body = document.to_string().into_bytes();
                    Ok(response)
                }
            }
        }
        .boxed()
    }
}

/// The home's host again, with this on its way to these paths.
pub async fn on_the_way(home: &mut VirtualHome, at: &'static [&'static str], met: Met) {
    let network = Arc::clone(&home.meddling) as Arc<dyn Transport>;
    home.environment = home.environment.clone().with_transport(Arc::new(Way { network, at, met }));
    home.restart().await;
}

/// The way as it was.
pub async fn free(home: &mut VirtualHome) {
    home.environment =
        home.environment.clone().with_transport(Arc::clone(&home.meddling) as Arc<dyn Transport>);
    home.restart().await;
}

/// A name that nobody knows.
#[derive(Debug)]
struct Nobody;

impl Lookup for Nobody {
    fn addresses(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        Box::pin(async move { Err(io::Error::other(format!("{name}: name or service not known"))) })
    }
}

/// A request for a URL.
pub fn get(url: &str, timeout: Duration, acts_on_vehicle: bool) -> HttpRequest {
    let (method, headers) = (http::Method::GET, http::HeaderMap::new());
    HttpRequest { method, url: url.parse().unwrap(), headers, body: None, timeout, acts_on_vehicle }
}

/// What the real client makes of a URL.
pub async fn met_at(url: &str) -> Met {
    let client = HttpClient::with_lookup(&Network::default(), Arc::new(Nobody)).unwrap();
    match client.send(get(url, Duration::from_secs(30), true)).await {
        Ok(Response { status, headers, body }) => Met::Answer(status, headers, body),
        Err(TransportError::NotSent(why)) => Met::NotSent(why),
        Err(TransportError::Interrupted(why)) => Met::Interrupted(why),
        Err(other) => panic!("{other:?}"),
    }
}

/// What the real client makes of a server that answers with these bytes and hangs up.
pub async fn met_as(bytes: Vec<u8>) -> Met {
    let port = server(bytes).await;
    met_at(&format!("http://127.0.0.1:{port}/")).await
}

/// A server that answers every connection with these bytes and hangs up.
pub async fn server(bytes: Vec<u8>) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut beginning = [0; 1_024];
            // A request, or the beginning of another protocol, is one read; who hangs up early does no harm.
            let _request = stream.read(&mut beginning).await;
            let _written = stream.write_all(&bytes).await;
            let _closed = stream.shutdown().await;
            // Until the client has hung up too: what it has not read would be lost with a reset.
            while stream.read(&mut beginning).await.is_ok_and(|read| read > 0) {}
        }
    });
    port
}
