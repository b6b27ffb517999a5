import boto3
import json
client = boto3.client('secretsmanager', region_name='us-east-1')
response = client.get_secret_value(SecretId='MyDatabaseSecret')
secret = json.loads(response['SecretString'])
username = secret['username']
password = secret['password']
