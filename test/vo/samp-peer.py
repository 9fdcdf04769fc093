"""A SAMP hub and a program at it, as TOPCAT is both. Reads commands from standard input, writes what it receives, a JSON a line."""
import json
import sys
from urllib.request import urlopen

from astropy.samp import SAMPHubServer, SAMPIntegratedClient, conf

conf.use_internet = False
hub = SAMPHubServer(lockfile=sys.argv[1], addr="127.0.0.1", web_profile=False)
hub.start()
client = SAMPIntegratedClient(name="Fake TOPCAT", addr="127.0.0.1")
client.connect(hub)


def say(**what):
    print(json.dumps(what), flush=True)


def table(private_key, sender_id, mtype, params, extra):
    say(got=mtype, params=params, text=urlopen(params["url"]).read().decode())


def point(private_key, sender_id, mtype, params, extra):
    say(got=mtype, params=params)


client.bind_receive_notification("table.load.votable", table)
client.bind_receive_notification("coord.pointAt.sky", point)
say(ready=True)
for line in sys.stdin:
    command = json.loads(line)
    if command["how"] == "call":
        target = client.get_subscribed_clients(command["mtype"])
        reply = client.ecall_and_wait(next(iter(target)), command["mtype"], "10", **command["params"])
        say(reply=reply["samp.status"])
    else:
        client.enotify_all(command["mtype"], **command["params"])
client.disconnect()
hub.stop()
