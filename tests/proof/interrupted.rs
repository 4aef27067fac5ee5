//! Connections that break, and a run that is interrupted.

use std::{
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy},
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use workmail_operator::proof::Verified;
use zip::CompressionMethod;

use crate::world::{BUCKET, MANIFEST, MESSAGE, World, mailbox, manifest, stderr, zip, zip_by};

const MIB: u64 = 1 << 20;

/// What the link does with a connection that has carried its share.
#[derive(Clone, Copy)]
enum Then {
    Cut,
    Stall,
}

/// A link to the S3 server whose connections carry so many bytes of answers each.
struct Link {
    url: String,
    /// How many connections have carried their share.
    full: Arc<AtomicU64>,
}

async fn link(world: &World, share: u64, then: Then) -> Link {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = world
        .server
        .url()
        .strip_prefix("http://")
        .unwrap()
        .to_owned();
    let full = Arc::new(AtomicU64::new(0));
    let counted = full.clone();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(carry(client, server.clone(), share, then, counted.clone()));
        }
    });
    Link { url, full }
}

async fn carry(client: TcpStream, server: String, share: u64, then: Then, full: Arc<AtomicU64>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = TcpStream::connect(server).await.unwrap().into_split();
    let requests = tokio::spawn(async move {
        let _ = copy(&mut from_client, &mut to_server).await;
    });
    let mut left = share;
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from_server.read(&mut buffer).await {
        let carried = u64::try_from(read).unwrap().min(left);
        let answer = &buffer[..usize::try_from(carried).unwrap()];
        if to_client.write_all(answer).await.is_err() {
            break;
        }
        left -= carried;
        if left == 0 {
            full.fetch_add(1, Ordering::SeqCst);
            if matches!(then, Then::Stall) {
                std::future::pending::<()>().await;
            }
            break;
        }
    }
    requests.abort();
}

fn large() -> Vec<u8> {
    let long = [MESSAGE, &vec![b'x'; 1_000_000]].concat();
    let entries = (0..10).map(|number| (format!("Inbox/{number}.eml"), &long));
    zip_by(CompressionMethod::Stored, entries)
}

#[tokio::test]
async fn a_download_that_breaks_goes_on_where_it_was() {
    let world = World::new().await;
    let object = world.put("mail/large.zip", large()).await;
    world
        .put_manifest(&manifest(vec![mailbox("S-1", Some(object))]))
        .await;
    let link = link(&world, 4 * MIB, Then::Cut).await;
    let name = format!("s3://{BUCKET}/{MANIFEST}");
    let mut verify = world.command();
    verify
        .args(["verify", &name])
        .env("AWS_ENDPOINT_URL_S3", &link.url);
    let output = verify.output().await.unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(link.full.load(Ordering::SeqCst) >= 2, "it was cut");
    let report = world.report().await;
    assert_eq!(
        (report.verified, report.mailboxes[0].counts.messages),
        (Verified::True, 10)
    );
}

#[tokio::test]
async fn a_run_that_is_interrupted_keeps_what_it_has_verified() {
    let world = World::new().await;
    let small = world
        .put("mail/small.zip", zip([("Inbox/1.eml", MESSAGE)]))
        .await;
    let object = world.put("mail/large.zip", large()).await;
    world
        .put_manifest(&manifest(vec![
            mailbox("small", Some(small)),
            mailbox("large", Some(object)),
        ]))
        .await;
    let link = link(&world, 4 * MIB, Then::Stall).await;
    let name = format!("s3://{BUCKET}/{MANIFEST}");
    let mut verify = world.command();
    verify
        .args(["verify", &name])
        .env("AWS_ENDPOINT_URL_S3", &link.url)
        .stderr(Stdio::piped());
    let child = verify.spawn().unwrap();
    let pid = child.id().unwrap().to_string();
    let stalled = timeout(Duration::from_mins(1), async {
        while link.full.load(Ordering::SeqCst) == 0 {
            sleep(Duration::from_millis(20)).await;
        }
    });
    stalled.await.unwrap();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap()
            .success()
    );
    let output = timeout(Duration::from_secs(30), child.wait_with_output())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("Run the command again"),
        "{}",
        stderr(&output)
    );
    let interrupted = world.report().await;
    assert_eq!(
        (interrupted.completed_at, interrupted.verified),
        (None, Verified::Unknown)
    );
    assert_eq!(
        interrupted.mailboxes.len(),
        1,
        "the one that was read to its end"
    );
    assert!(world.verify().await.status.success());
    let resumed = world.report().await;
    assert_eq!(resumed.mailboxes[0], interrupted.mailboxes[0]);
    assert_eq!(
        (resumed.mailboxes.len(), resumed.verified),
        (2, Verified::True)
    );
}
