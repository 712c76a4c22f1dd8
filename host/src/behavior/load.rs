//! From bytes to a generation: trust, what it has shown in a child, its machine code, its imports and exports.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use tokio::task::spawn_blocking;
use wasmtime::component::Component;

use super::artifact::Artifact;
use super::contract::{Mismatch, drifted};
use super::engine::Engine;
use super::generation::{Generation, Loaded};
use super::proof::{Answer, Key, Proof, Question, Trial, Unproven, misunderstood};
use super::refusal::{LoadStage, Refusal};
use super::source::Source;
use super::surface::{Misfit, Surface};
use super::trust::Trust;
use super::v0_1;
use domain::ids::GenerationNumber;
use domain::strategy::Strategy;

/// So many settings that were tried are kept with a proof.
const TRIED: usize = 32;

impl Engine {
    /// Loads a component as generation `number` of its plugin: checks whether it is trusted, lets it show
    /// itself in a child process (contract, compiler, `describe`, its own cases), and links what that hands
    /// over.
    ///
    /// # Errors
    /// When the component is refused at any stage.
    pub async fn load(
        &self,
        source: &Source,
        number: GenerationNumber,
        trust: &Trust,
    ) -> Result<Generation, Refusal> {
        self.load_for(source, number, trust, &[]).await
    }

    /// The same, and asks it in the same child about the settings of these strategies.
    ///
    /// # Errors
    /// When the component is refused at any stage. Settings that it does not take are no reason.
    pub async fn load_for(
        &self,
        source: &Source,
        number: GenerationNumber,
        trust: &Trust,
        strategies: &[Arc<Strategy>],
    ) -> Result<Generation, Refusal> {
        let began = Instant::now();
        let digest = source.digest();
        let refuse = |stage, Mismatch { message, hint }| Refusal::of(source, stage, message, hint);
        let unproven = |unproven: Unproven| {
            let refusal = refuse(unproven.stage, unproven.wrong);
            if unproven.is_passing { refusal.passing() } else { refusal }
        };
        let warning = trust.check(source, &digest).map_err(|wrong| refuse(LoadStage::Trust, wrong))?;
        let trials: Vec<Trial> = strategies.iter().map(|strategy| Trial::of(strategy)).collect();
        let key = self.proofs.key(&digest);
        let (proof, component, compiled) = match self.find(&key).await {
            Some((proof, component)) => (proof, component, began.elapsed()),
            None => {
                let (proof, component) = self.prove(source, &key, &trials).await.map_err(unproven)?;
                let compiled = proof.compiled;
                (proof, component, compiled)
            }
        };
        let linked = v0_1::Linked::new(&self.machine.linker, &component)
            .map_err(|error| refuse(LoadStage::Link, Mismatch::new(drifted(&error), "rebuild the plugin")))?;
        let loaded = Loaded { source, number, digest, proof, warning, compiled, linked };
        let mut generation = Generation::new(self, loaded);
        self.try_what_is_new(&mut generation, &key, trials).await.map_err(unproven)?;
        Ok(generation)
    }

    /// What can be seen of a component without running it. It is read in a child.
    ///
    /// # Errors
    /// When the bytes are no component, or one that is cut off or damaged.
    pub async fn look(&self, component: &[u8]) -> Result<Surface, Misfit> {
        self.prover.look(component).await
    }

    async fn find(&self, key: &Key) -> Option<(Proof, Component)> {
        let (proofs, wasmtime, key) = (self.proofs.clone(), self.machine.wasmtime.clone(), key.clone());
        self.disk.ask(move || proofs.find(&key, &wasmtime)).await.ok().flatten()
    }

    async fn prove(
        &self,
        source: &Source,
        key: &Key,
        trials: &[Trial],
    ) -> Result<(Proof, Component), Unproven> {
        let answer = self.prover.ask(&Question::Prove(trials.to_vec()), &source.bytes).await?;
        let (Answer::Proven(proof, _), Some(artifact)) = answer else { return Err(misunderstood()) };
        let (wasmtime, artifact) = (self.machine.wasmtime.clone(), Arc::new(artifact));
        let handed_over = Arc::clone(&artifact);
        let loaded = spawn_blocking(move || handed_over.load(&wasmtime)).await;
        let Ok(Ok(component)) = loaded else { return Err(misunderstood()) };
        self.keep(key, &proof, artifact).await;
        Ok((*proof, component))
    }

    /// Settings that were not tried yet: the build was proven before somebody wrote them.
    async fn try_what_is_new(
        &self,
        generation: &mut Generation,
        key: &Key,
        mut trials: Vec<Trial>,
    ) -> Result<(), Unproven> {
        trials.retain(|trial| generation.proof.of(trial).is_none());
        if trials.is_empty() {
            return Ok(());
        }
        let (called, artifact) = generation.try_settings(trials.clone()).await?;
        generation.proof.tried.splice(0..0, trials.into_iter().zip(called));
        generation.proof.tried.truncate(TRIED);
        self.keep(key, &generation.proof, Arc::new(artifact)).await;
        Ok(())
    }

    /// Only what would come out the same another time is kept. What cannot be kept is proven again.
    async fn keep(&self, key: &Key, proof: &Proof, artifact: Arc<Artifact>) {
        if !proof.is_lasting() {
            return;
        }
        let (proofs, key, proof) = (self.proofs.clone(), key.clone(), proof.clone());
        let kept = self.disk.ask(move || proofs.keep(&key, &proof, &artifact)).await;
        if let Err(error) = kept.map_err(io::Error::other).flatten() {
            tracing::warn!(%error, "compiled code cannot be kept for the next start: is plugins.cache_dir writable?");
        }
    }
}
