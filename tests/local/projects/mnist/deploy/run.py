"""Deploy the model: it is copied to where it is served from."""

import os
import shutil

assert os.environ["MANAGE_URL"].startswith("http")
shutil.copy("/model/index.pickle", "/deploy-model/index.pickle")
print("deployed")
