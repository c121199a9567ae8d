//! Tests over real connections on this machine.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

/// A server that answers everything with the same bytes and counts its connections.
struct Server {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Server {
    async fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let mut request = Vec::new();
                while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                    if stream.read_buf(&mut request).await.unwrap() == 0 {
                        break;
                    }
                }
                stream.write_all(&answer).await.unwrap();
            }
        });
        Self { address, connections }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// A lookup in which every name is here.
#[derive(Debug)]
struct Here(Vec<IpAddr>);

impl Lookup for Here {
    fn addresses(&self, _name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        Box::pin(std::future::ready(Ok(self.0.clone())))
    }
}

fn client(addresses: &[&str], private_hosts: &[&str]) -> HttpClient {
    let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
    let private_hosts = private_hosts.iter().map(|&name| name.to_owned()).collect();
    HttpClient::with_lookup(&Network { private_hosts }, Arc::new(Here(addresses))).unwrap()
}

fn get(url: &str, acts_on_vehicle: bool) -> HttpRequest {
    HttpRequest {
        method: Method::GET,
        url: url.parse().unwrap(),
        headers: HeaderMap::new(),
        body: None,
        timeout: Duration::from_secs(30),
        acts_on_vehicle,
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_leads_nowhere() {
    let other = Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
    for status in [301, 302, 303, 307, 308] {
        let answer = format!(
            "HTTP/1.1 {status} Elsewhere\r\nlocation: http://{}/?t=x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            other.address
        );
        let server = Server::answering(answer).await;
        for acts in [false, true] {
            let url = format!("http://{}/", server.address);
            let response = client(&[], &[]).send(get(&url, acts)).await.unwrap();
            assert_eq!(response.status, status);
            assert!(
                response.headers.contains(&("location".to_owned(), format!("http://{}/?t=x", other.address)))
            );
        }
        assert_eq!(server.connections(), 2);
    }
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn a_name_that_leads_home_is_certainly_not_sent_to() {
    let server = Server::answering("HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await;
    let url = format!("http://cloud.example:{}/?t=token", server.address.port());
    for acts in [false, true] {
        match client(&["127.0.0.1"], &[]).send(get(&url, acts)).await {
            Err(TransportError::NotSent(why)) => assert_eq!(
                why,
                "cloud.example resolves to 127.0.0.1, which is an address of this machine; name it in [network] \
                 private_hosts if that is meant"
            ),
            other => unreachable!("{other:?}"),
        }
    }
    assert_eq!(server.connections(), 0);
    // The same name, if it is meant; and the addresses are those of the answer, in their order.
    let meant = client(&["127.0.0.1"], &["cloud.example"]).send(get(&url, true)).await;
    assert_eq!((meant.unwrap().status, server.connections()), (204, 1));
    let local = format!("http://localhost:{}/", server.address.port());
    assert_eq!(client(&["127.0.0.1"], &[]).send(get(&local, false)).await.unwrap().status, 204);
    // An address that the owner wrote is not looked up.
    let literal = format!("http://{}/", server.address);
    assert_eq!(client(&["10.0.0.1"], &[]).send(get(&literal, false)).await.unwrap().status, 204);
}

#[tokio::test]
async fn a_body_comes_as_it_was_sent() {
    let body = [0x1f, 0x8b, 8, 0, 0xff];
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let server = Server::answering([head.as_bytes(), &body].concat()).await;
    let response = client(&[], &[]).send(get(&format!("http://{}/", server.address), false)).await.unwrap();
    assert_eq!(response.body, body);
    assert!(response.headers.contains(&("content-encoding".to_owned(), "gzip".to_owned())));
}

/// A proxy that the environment names and that is not there (FC-73).
#[test]
fn the_environment_names_no_proxy() {
    // In a process of its own, because the environment is all threads'. Nothing listens there, so what went
    // there would fail.
    let proxies =
        ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"].map(|name| (name, "http://127.0.0.1:1"));
    let test = "primitives::transport::tests::a_redirect_is_an_answer_and_leads_nowhere";
    let ran = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test])
        .envs(proxies)
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(ran.status.success() && said.contains("1 passed"), "{said}");
}
