//! The way from the operator to the API server, which a test can disturb.

use std::{fs, future::pending};

use devcluster::Cluster;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

use super::{Rights, World};

/// What becomes of the connections that are open, and of new ones.
#[derive(Clone, Copy)]
enum Disturbance {
    /// None.
    None,
    /// Those that are open carry nothing more and stay open; new ones are good.
    Silence,
    /// Those that are open end, and there are no new ones.
    Cut,
}

/// A TCP connection between the operator and the API server.
pub struct Link {
    told: watch::Sender<Disturbance>,
    _folder: tempfile::TempDir,
}

impl Link {
    /// Has the operator reach the API server through a link, from its next start on.
    pub async fn of(world: &mut World, cluster: &Cluster) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let url = cluster.config().cluster_url;
        let server = url.authority().unwrap().to_string();

        let rights = Rights::of_chart(&world.namespace, &[&world.namespace]).await;
        let kubeconfig = fs::read_to_string(rights.grant(cluster).await).unwrap();
        assert!(kubeconfig.contains(&server), "{server}");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("kubeconfig");
        fs::write(&file, kubeconfig.replace(&server, &address)).unwrap();
        world.operator.set("KUBECONFIG", file.to_str());

        let told = watch::Sender::new(Disturbance::None);
        tokio::spawn(carry_all(listener, server, told.clone()));
        Self {
            told,
            _folder: folder,
        }
    }

    /// The open connections carry nothing more, and nobody is told.
    pub fn fall_silent(&self) {
        self.told.send_replace(Disturbance::Silence);
    }

    /// Ends all connections, and takes no more of them.
    pub fn cut(&self) {
        self.told.send_replace(Disturbance::Cut);
    }

    /// Takes connections again.
    pub fn mend(&self) {
        self.told.send_replace(Disturbance::None);
    }
}

async fn carry_all(listener: TcpListener, server: String, told: watch::Sender<Disturbance>) {
    while let Ok((client, _)) = listener.accept().await {
        let told = told.subscribe();
        if !matches!(*told.borrow(), Disturbance::Cut) {
            tokio::spawn(carry(client, server.clone(), told));
        }
    }
}

async fn carry(mut client: TcpStream, server: String, told: watch::Receiver<Disturbance>) {
    let Ok(mut server) = TcpStream::connect(server).await else {
        return;
    };
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        is_silent = disturbed(told) => {
            if is_silent {
                pending::<()>().await;
            }
        }
    }
}

/// Waits for a disturbance, and tells whether it is silence.
async fn disturbed(mut told: watch::Receiver<Disturbance>) -> bool {
    loop {
        if told.changed().await.is_err() {
            return false;
        }
        match *told.borrow_and_update() {
            Disturbance::None => {}
            Disturbance::Silence => return true,
            Disturbance::Cut => return false,
        }
    }
}
