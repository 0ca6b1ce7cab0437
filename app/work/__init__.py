"""The task queue: the only room that knows Huey. It carries ids of job rows; the rows, claimed with a lease, are the truth.

queue      which queue stands behind POSTCARD_QUEUE_URL, and announcing a job to it
handlers   what is done for each kind of job, all of it in pipeline and duties
claiming   one job: claim, do, finish or put back
recovery   the sweeper: what was lost, abandoned or silent, and what is done every hour
consumer   the worker process
"""
