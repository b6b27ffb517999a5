//! Every backend keeps every rule of the suite.

use std::sync::Arc;

use strongroom_store::embedded::{Embedded, Options};
use strongroom_store::simulated::{Chances, Simulated, now};
use strongroom_store::{Store, conformance};

#[test]
fn the_embedded_store_conforms() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(conformance::run(|name| {
        Arc::new(Embedded::open(&Options::new(folder.path().join(name))).unwrap()) as Arc<dyn Store>
    }));
}

#[test]
fn the_simulated_store_conforms() {
    now(conformance::run(|_| Arc::new(Simulated::new(1))));
}

#[test]
fn the_simulated_store_conforms_when_it_dawdles() {
    for seed in 0..20 {
        now(conformance::run(|_| {
            let store = Simulated::new(seed);
            store.set_chances(Chances {
                delay: 500_000,
                ..Chances::default()
            });
            Arc::new(store)
        }));
    }
}
