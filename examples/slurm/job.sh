#!/bin/bash
# Runs a command in a container on every task of a Slurm job:   sbatch job.sh IMAGE COMMAND [ARG…]
#SBATCH --job-name=container
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=4
#SBATCH --time=5
# All tasks of a node share one container (--join); how many they are, Slurm tells.
set -euo pipefail
image=$1
shift
echo "job $SLURM_JOB_ID: $SLURM_NTASKS tasks on $SLURM_JOB_NUM_NODES nodes"
srun ch-run-ts --join "$image" -- "$@"
